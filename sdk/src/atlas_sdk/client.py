"""The client: makes events where they happen, hands them to the transport, returns."""

import atexit
import logging
import os
import random
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from atlas_sdk.capture import described
from atlas_sdk.scrubbing import scrubbed
from atlas_sdk.transport import Transport

log = logging.getLogger("atlas_sdk")

Event = dict[str, Any]
BREADCRUMBS: Final = 100
MESSAGE_CHARACTERS: Final = 8_192
_SDK: Final = {"name": "atlas-sdk", "version": "0.1.0"}


class Client:
    """Reports errors of one application to one project.

    Args:
        api_key: The project's key, `atlas_...`.
        base_url: Where ingestion is.
        release: The application's version.
        environment: Where it runs, such as "production".
        before_send: Sees each event last; returns it, changed or not, or None to drop it.
        sample_rate: The share of events that is sent, 0 to 1.
        max_queue: How many events may wait; what comes on top is dropped and counted.
        include_local_variables: Whether frames carry their local variables.
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
        include_local_variables: bool = False,
    ) -> None:
        self._before_send = before_send
        self._sample_rate = sample_rate
        self._include_local_variables = include_local_variables
        self._always = {"release": release, "environment": environment, "server_name": socket.gethostname()}
        self._tags: dict[str, str] = {}
        self._user: dict[str, Any] | None = None
        self._breadcrumbs: deque[dict[str, Any]] = deque(maxlen=BREADCRUMBS)
        self._transport = Transport(api_key, base_url, max_queue)
        atexit.register(self.close, 2.0)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._transport.after_fork)

    def capture_error(
        self, error: BaseException | None = None, *, level: str = "error", tags: dict[str, str] | None = None,
        handled: bool = True,
    ) -> str:  # fmt: skip
        """Report an exception (default: the one being handled); return the event's id.

        A second call is a second event. Never raises.
        """
        event_id = uuid4().hex
        try:
            caught = error if error is not None else sys.exc_info()[1]
            if caught is None:
                return self.capture_message("capture_error was called outside of an except block", "warning")
            what = described(caught, include_local_variables=self._include_local_variables, handled=handled)
            self._send({"event_id": event_id, "level": level, **what}, tags)
        except Exception:  # noqa: BLE001 - the host must never see an error of ours
            self._transport.drop("capture failed")
            log.debug("an event could not be made", exc_info=True)
        return event_id

    def capture_message(self, message: str, level: str = "info", *, tags: dict[str, str] | None = None) -> str:
        """Report a message; return the event's id. Never raises."""
        event_id = uuid4().hex
        try:
            self._send({"event_id": event_id, "level": level, "message": str(message)}, tags)
        except Exception:  # noqa: BLE001 - the host must never see an error of ours
            self._transport.drop("capture failed")
            log.debug("an event could not be made", exc_info=True)
        return event_id

    def add_breadcrumb(self, message: str, *, category: str = "default", level: str = "info", **data: Any) -> None:
        """Note what happened before an error; the newest 100 travel with the next events."""
        crumb = {"timestamp": _now(), "category": category, "message": message, "level": level}
        self._breadcrumbs.append(crumb | ({"data": data} if data else {}))

    def set_tag(self, name: str, value: str) -> None:
        """Put a tag on every further event."""
        self._tags[name] = value

    def set_user(self, user: dict[str, Any] | None) -> None:
        """Say who the further events happened to."""
        self._user = user

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Wait until everything is sent; return whether it was, within `timeout_s`."""
        return self._transport.flush(timeout_s)

    def stats(self) -> dict[str, int]:
        """Return what was `sent`, what is `queued`, and what was dropped, by reason."""
        return self._transport.stats()

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, for at most `timeout_s`; a second call does nothing."""
        self._transport.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, event: Event, tags: dict[str, str] | None) -> None:
        if self._sample_rate < 1 and random.random() >= self._sample_rate:  # noqa: S311 - a sample, not a secret
            self._transport.drop("sampled out")
            return
        whole = {
            **{name: value for name, value in self._always.items() if value},
            "timestamp": _now(),
            "platform": "python",
            "sdk": _SDK,
            "tags": {**self._tags, **(tags or {})},
            "user": self._user,
            "breadcrumbs": list(self._breadcrumbs),
            "contexts": {"thread": {"name": threading.current_thread().name}},
            **event,
        }
        kept = self._asked(scrubbed(whole))
        if kept is None:
            self._transport.drop("before_send")
        else:
            self._transport.put(kept)

    def _asked(self, event: Event) -> Event | None:
        if self._before_send is None:
            return event
        try:
            return self._before_send(event)
        except Exception:  # noqa: BLE001 - a broken hook loses no event
            log.debug("before_send failed; the event is sent as it was", exc_info=True)
            return event


def _now() -> str:
    return datetime.now(UTC).isoformat()
