"""The logging module: error records become events, lesser ones breadcrumbs."""

import logging
from collections.abc import Callable
from typing import Any, Final

from atlas_sdk.client import Client
from atlas_sdk.guard import attempt
from atlas_sdk.text import text_of

_OWN: Final = "atlas_sdk"
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LEVELS: Final = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


def install(client: Client, *, level: int = logging.INFO, event_level: int = logging.ERROR) -> Callable[[], None]:
    """Add an `AtlasHandler` to the root logger; return what undoes it. Levels of loggers are left as they are."""
    handler = AtlasHandler(client, level=level, event_level=event_level)
    root = logging.getLogger()
    root.addHandler(handler)
    return lambda: root.removeHandler(handler)


class AtlasHandler(logging.Handler):
    """A handler: records at `event_level` and above are reported, those from `level` on are breadcrumbs."""

    def __init__(self, client: Client, *, level: int = logging.INFO, event_level: int = logging.ERROR) -> None:
        super().__init__(level)
        self._client = client
        self._event_level = event_level

    def emit(self, record: logging.LogRecord) -> None:
        """Report or remember one record; what the SDK itself logs is left alone."""
        if record.name.partition(".")[0] == _OWN:
            return
        message = attempt(record.getMessage, lambda: text_of(record.msg))
        level = _level(record.levelno)
        if record.levelno < self._event_level:
            self._client.add_breadcrumb(message, category=record.name, level=level)
            return
        place = {"message": message, "template": record.msg, "line": f"{record.pathname}:{record.lineno}"}
        facts: dict[str, Any] = {"contexts": {"log": place}, "extra": _given(record), "logger": record.name}
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._client.capture_message(message, level, **facts)
        else:
            self._client.capture_error(error, level=level, mechanism="logging", once=True, **facts)


def _given(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the host passed as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _level(number: int) -> str:
    return next((name for floor, name in _LEVELS if number >= floor), "debug")
