"""The client: what a host calls. Nothing here raises into the host or waits for the network."""

import copy
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from atlas_sdk.connection import Connection
from atlas_sdk.counts import Counts, Stats
from atlas_sdk.events import Draft, Event, Origin, body_of, event_of, level_of
from atlas_sdk.exceptions import catch
from atlas_sdk.guard import attempt
from atlas_sdk.processes import EXIT_FLUSH_S, watch
from atlas_sdk.scope import Scope, tags_of
from atlas_sdk.scrubbing import scrub
from atlas_sdk.sender import Backoff, Sender
from atlas_sdk.spool import SUPPORTED, Parcel, Spool
from atlas_sdk.text import plain, plain_mapping, text_of

_MARK: Final = "_atlas_event_id"


class Client:
    """Reports errors to one Atlas project.

    A capture makes a small draft and puts it on a bounded queue; a daemon thread dresses, scrubs and sends it, in
    order and under the same id until the server has answered. `spool_dir` keeps unsent events across restarts.

    Args:
        api_key: The project's key, as Atlas showed it when the project was made.
        base_url: Where the ingestion service listens.
        release: The version of the host application.
        environment: Where it runs, like "production".
        before_send: Called in the sender's thread with a copy of each event; returns it, changed or not, or None to
            drop it. When it raises, the event is sent unchanged and counted.
        sample_rate: Share of events to keep, 0 to 1.
        max_queue: How many events may wait in memory; more are dropped and counted.
        spool_dir: A folder for events on their way (POSIX only); several processes may share it.
        spool_max_bytes: How much each process may keep there.
        include_local_variables: Whether frames carry the `repr` of their local variables.
        timeout_s: How long one request may wait for the server.
        retry_first_s: The wait before an event is tried again; it doubles.
        retry_max_s: The longest such wait.

    Raises:
        ValueError: An argument makes no sense; the only error that this class raises.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str = "http://localhost:8081",
        *,
        release: str | None = None,
        environment: str | None = None,
        before_send: Callable[[Event], Event | None] | None = None,
        sample_rate: float = 1.0,
        max_queue: int = 1_000,
        spool_dir: str | os.PathLike[str] | None = None,
        spool_max_bytes: int = 64 * 1024 * 1024,
        include_local_variables: bool = False,
        timeout_s: float = 5.0,
        retry_first_s: float = 0.5,
        retry_max_s: float = 30.0,
    ) -> None:
        if not 0 <= sample_rate <= 1 or max_queue < 1 or min(timeout_s, retry_first_s, retry_max_s) <= 0:
            raise ValueError("sample_rate is 0 to 1, max_queue at least 1, and times are above 0 seconds")
        self._api_key = api_key.strip()
        self._origin = Origin(release, environment)
        self._before_send = before_send
        self._sample_rate = sample_rate
        self._with_variables = include_local_variables
        self._counts = Counts()
        self._base_scope = Scope()
        self._scope: ContextVar[Scope | None] = ContextVar("atlas_scope", default=None)
        self._busy = threading.local()
        spool = Spool(Path(spool_dir), spool_max_bytes) if spool_dir is not None and SUPPORTED else None
        self._sender = Sender(
            self._prepare,
            Connection(base_url, self._api_key, timeout_s),
            self._counts,
            max_queue=max_queue,
            spool=spool,
            backoff=Backoff(retry_first_s, retry_max_s),
        )
        watch(self._sender)
        if spool is not None:
            attempt(self._sender.start, lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Report the exception that leaves the block, then close."""
        if isinstance(error, Exception):
            self.capture_error(error, mechanism="context_manager", handled=False, once=True)
        self.close()

    def capture_error(
        self,
        exc: BaseException | None = None,
        *,
        tags: Mapping[str, object] | None = None,
        user: Mapping[str, Any] | None = None,
        level: str = "error",
        contexts: Mapping[str, Mapping[str, Any]] | None = None,
        mechanism: str = "generic",
        handled: bool = True,
        once: bool = False,
    ) -> str:
        """Report `exc`, by default the exception being handled; return the event's id, 32 hex digits.

        `mechanism` and `handled` say how it was caught. With `once`, an exception object that was reported before is
        not reported again and its first id is returned: so do the integrations, which may all see the same one.
        """

        def draft(event_id: str) -> Draft | None:
            error = exc if exc is not None else sys.exc_info()[1]
            if error is None:
                self._counts.drop("no_exception")
                return None
            caught = catch(error, with_variables=self._with_variables)
            found = self._draft(event_id, caught[0].value, level, tags=tags, user=user, contexts=contexts)
            found.caught, found.mechanism, found.handled = caught, mechanism, handled
            attempt(lambda: setattr(error, _MARK, event_id), lambda: None)
            return found

        known = attempt(lambda: getattr(exc, _MARK, None), lambda: None) if once else None
        if isinstance(known, str):
            self._counts.drop("duplicate")
            return known
        return self._capture(draft)

    def capture_message(
        self,
        message: str,
        level: str = "info",
        *,
        tags: Mapping[str, object] | None = None,
        user: Mapping[str, Any] | None = None,
        contexts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> str:
        """Report a message; return the event's id, 32 hex digits."""
        return self._capture(
            lambda event_id: self._draft(event_id, text_of(message), level, tags=tags, user=user, contexts=contexts)
        )

    def add_breadcrumb(
        self,
        message: str,
        *,
        category: str = "default",
        level: str = "info",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember a step that led here; the last hundred go with every event of the present scope."""
        attempt(lambda: self._current().add_breadcrumb(message, category, level_of(level), data), lambda: None)

    def set_tag(self, name: str, value: object) -> None:
        """Name a fact that goes with every event of the present scope."""
        attempt(lambda: self._current().set_tag(name, value), lambda: None)

    def set_user(self, user: Mapping[str, Any] | None) -> None:
        """Say whose work the present scope is; None forgets it."""
        attempt(lambda: self._current().set_user(user), lambda: None)

    def set_context(self, name: str, values: Mapping[str, Any]) -> None:
        """Attach a named group of facts to every event of the present scope."""
        attempt(lambda: self._current().set_context(name, values), lambda: None)

    @contextmanager
    def isolated(self, scope: Scope | None = None) -> Iterator[Scope]:
        """Give the block a scope of its own (or `scope` again): what it sets does not reach other requests."""
        entered = scope if scope is not None else Scope(self._current())
        token = self._scope.set(entered)
        try:
            yield entered
        finally:
            self._scope.reset(token)

    def flush(self, timeout_s: float = EXIT_FLUSH_S) -> bool:
        """Return whether every event has been sent or dropped, after at most `timeout_s`."""
        return self._sender.flush(timeout_s)

    def close(self, timeout_s: float = EXIT_FLUSH_S) -> None:
        """Flush for at most `timeout_s`, then stop; later captures are dropped and counted."""
        attempt(lambda: self._sender.close(timeout_s), lambda: None)

    def stats(self) -> Stats:
        """Return how many events were sent, wait, or were dropped and why."""
        return self._counts.stats(self._sender.pending)

    def _current(self) -> Scope:
        return self._scope.get() or self._base_scope

    def _capture(self, make: Callable[[str], Draft | None]) -> str:
        event_id = uuid4().hex
        attempt(lambda: self._put(event_id, make), lambda: self._counts.drop("sdk_error"))
        return event_id

    def _put(self, event_id: str, make: Callable[[str], Draft | None]) -> None:
        # What the SDK itself sets off (a __str__ that logs, a before_send that captures) must not go round.
        if getattr(self._busy, "is_set", False) or self._sender.is_own_thread():
            self._counts.drop("recursive")
            return
        if random.random() >= self._sample_rate:  # noqa: S311 - a sample, not a secret
            self._counts.drop("sampled")
            return
        self._busy.is_set = True
        try:
            draft = make(event_id)
        finally:
            self._busy.is_set = False
        if draft is not None:
            self._sender.put(draft)

    def _draft(
        self,
        event_id: str,
        message: str,
        level: str,
        *,
        tags: Mapping[str, object] | None,
        user: Mapping[str, Any] | None,
        contexts: Mapping[str, Mapping[str, Any]] | None,
    ) -> Draft:
        scope = self._current()
        return Draft(
            event_id=event_id,
            level=level_of(level),
            message=message,
            at=datetime.now(UTC),
            caught=[],
            mechanism="",
            handled=True,
            tags={**scope.tags, **tags_of(tags)},
            user=plain_mapping(user) if user is not None else scope.user,
            contexts={**scope.contexts, **plain_mapping(contexts)},
            breadcrumbs=list(scope.breadcrumbs),
        )

    def _prepare(self, draft: Draft) -> Parcel | None:
        """Return the finished event, None when `before_send` dropped it. Runs in the sender's thread."""
        event = event_of(draft, self._origin)
        if self._before_send is not None:
            changed = attempt(lambda: self._changed(event), lambda: self._unchanged(event))
            if changed is None:
                self._counts.drop("before_send")
                return None
            event = {**changed, "event_id": draft.event_id}
        return Parcel(draft.event_id, body_of(scrub(event, self._api_key)))

    def _changed(self, event: Event) -> Event | None:
        assert self._before_send is not None
        self._busy.is_set = True
        try:
            changed = self._before_send(copy.deepcopy(event))
        finally:
            self._busy.is_set = False
        if changed is None:
            return None
        if not isinstance(changed, dict):
            raise TypeError("before_send returns the event or None")
        whole: Event = plain(changed, depth=16)
        return whole

    def _unchanged(self, event: Event) -> Event:
        self._counts.add("before_send_errors")
        return event
