"""The client: what a host calls. Nothing here raises into the host or waits for the network."""

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from atlas_sdk.backoff import Backoff
from atlas_sdk.connection import Connection
from atlas_sdk.counts import Counts, Stats
from atlas_sdk.events import Draft, Origin
from atlas_sdk.exceptions import catch
from atlas_sdk.guard import asking_host, attempt, is_asking_host
from atlas_sdk.levels import level_of
from atlas_sdk.preparation import BeforeSend, Preparation
from atlas_sdk.processes import watch
from atlas_sdk.scope import Scope
from atlas_sdk.sender import Sender
from atlas_sdk.spool import SUPPORTED, Spool, folder_of
from atlas_sdk.text import text_of

_MARK: Final = "_atlas_event_id"
# Of its own: the host may have seeded the module's generator, and must get the numbers it expects.
_random: Final = random.SystemRandom()


class Client:
    """Reports errors to one Atlas project.

    A capture makes a small draft and puts it on a bounded queue; daemon threads dress, scrub and send it, in order
    and under the same id until the server has answered. `spool_dir` keeps unsent events across restarts.

    Args:
        api_key: The project's key, as Atlas showed it when the project was made.
        base_url: Where the ingestion service listens.
        release: The version of the host application.
        environment: Where it runs, like "production".
        before_send: Called in the sender's thread with a copy of each event; returns it, changed or not, or None to
            drop it. When it raises, the event is dropped and counted.
        sample_rate: Share of events to keep, 0 to 1.
        max_queue: How many events may wait in memory; more are dropped and counted.
        spool_dir: A folder for events on their way (POSIX only); several processes and clients may share it.
        spool_max_bytes: How much each process may keep there.
        include_local_variables: Whether frames carry the `repr` of their local variables.
        timeout_s: How long one request may wait for the server.
        retry_first_s: The wait before events are tried again; it doubles.
        retry_max_s: The longest such wait.
        exit_timeout_s: How long the end of the process may wait for events to be sent.

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
        before_send: BeforeSend | None = None,
        sample_rate: float = 1.0,
        max_queue: int = 1_000,
        spool_dir: str | os.PathLike[str] | None = None,
        spool_max_bytes: int = 64 * 1024 * 1024,
        include_local_variables: bool = False,
        timeout_s: float = 5.0,
        retry_first_s: float = 0.5,
        retry_max_s: float = 30.0,
        exit_timeout_s: float = 2.0,
    ) -> None:
        if not 0 <= sample_rate <= 1 or max_queue < 1 or min(timeout_s, retry_first_s, retry_max_s) <= 0:
            raise ValueError("sample_rate is 0 to 1, max_queue at least 1, and times are above 0 seconds")
        if spool_max_bytes < 0 or exit_timeout_s < 0:
            raise ValueError("spool_max_bytes and exit_timeout_s must not be below 0")
        key = api_key.strip()
        self._sample_rate = sample_rate
        self._with_variables = include_local_variables
        self._counts = Counts()
        self._base_scope = Scope()
        self._scope: ContextVar[Scope | None] = ContextVar("atlas_scope", default=None)
        spooling = spool_dir is not None and SUPPORTED
        self._sender = Sender(
            Preparation(Origin(release, environment), before_send, self._counts, key).finish,
            Connection(base_url, key, timeout_s),
            self._counts,
            max_queue=max_queue,
            spool=Spool(folder_of(spool_dir, base_url, key), spool_max_bytes) if spool_dir and spooling else None,
            backoff=Backoff(retry_first_s, retry_max_s),
            exit_timeout_s=exit_timeout_s,
        )
        watch(self._sender)
        if spooling:
            self._sender.start()

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
        extra: Mapping[str, Any] | None = None,
        logger: str | None = None,
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
            found = self._draft(event_id, "", level, logger, self._current().joined(tags, user, contexts, extra))
            found.caught = catch(error, with_variables=self._with_variables)
            found.message, found.mechanism, found.handled = found.caught[0].value, mechanism, handled
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
        extra: Mapping[str, Any] | None = None,
        logger: str | None = None,
    ) -> str:
        """Report a message; return the event's id, 32 hex digits."""

        def draft(event_id: str) -> Draft:
            scope = self._current().joined(tags, user, contexts, extra)
            return self._draft(event_id, text_of(message), level, logger, scope)

        return self._capture(draft)

    def add_breadcrumb(
        self, message: str, *, category: str = "default", level: str = "info", data: Mapping[str, Any] | None = None
    ) -> None:
        """Remember a step that led here; the last hundred go with every event of the present scope."""
        self._current().add_breadcrumb(message, category=category, level=level, data=data)

    def set_tag(self, name: str, value: object) -> None:
        """Name a short fact, to search by, that goes with every event of the present scope."""
        self._current().set_tag(name, value)

    def set_user(self, user: Mapping[str, Any] | None) -> None:
        """Say whose work the present scope is; None forgets it."""
        self._current().set_user(user)

    def set_context(self, name: str, values: Mapping[str, Any]) -> None:
        """Attach a named group of facts to every event of the present scope."""
        self._current().set_context(name, values)

    def set_extra(self, name: str, value: object) -> None:
        """Attach a fact of any shape to every event of the present scope."""
        self._current().set_extra(name, value)

    @contextmanager
    def scope(self, again: Scope | None = None) -> Iterator[Scope]:
        """Give the block (a request, a job) a scope of its own, which begins as a copy of the present one.

        What is set inside does not reach what runs beside it or after it. `again` enters a scope a second time.
        """
        entered = again if again is not None else Scope(self._current())
        token = self._scope.set(entered)
        try:
            yield entered
        finally:
            self._scope.reset(token)

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Return whether every event has been sent or dropped, after at most `timeout_s`."""
        return self._sender.flush(timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
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
        if is_asking_host():
            self._counts.drop("recursive")
            return
        if self._sample_rate < 1 and _random.random() >= self._sample_rate:
            self._counts.drop("sampled")
            return
        if not self._sender.has_room():
            return
        with asking_host():
            draft = make(event_id)
        if draft is not None:
            self._sender.put(draft)

    def _draft(self, event_id: str, message: str, level: str, logger: str | None, scope: Scope) -> Draft:
        return Draft(
            event_id=event_id,
            level=level_of(level),
            message=message,
            at=datetime.now(UTC),
            caught=[],
            mechanism="",
            handled=True,
            logger=None if logger is None else text_of(logger),
            scope=scope,
        )
