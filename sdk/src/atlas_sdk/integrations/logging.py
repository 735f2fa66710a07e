"""The logging module: error records become events, lesser ones breadcrumbs."""

import logging

from atlas_sdk.client import Client
from atlas_sdk.guard import attempt

_OWN = "atlas_sdk"


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
        message = attempt(record.getMessage, lambda: str(record.msg))
        if record.levelno < self._event_level:
            self._client.add_breadcrumb(message, category=record.name, level=_level(record.levelno))
            return
        place = {"logger": record.name, "message": message, "line": f"{record.pathname}:{record.lineno}"}
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            self._client.capture_message(message, _level(record.levelno), contexts={"log": place})
        else:
            level = _level(record.levelno)
            self._client.capture_error(error, level=level, contexts={"log": place}, mechanism="logging", once=True)


def _level(number: int) -> str:
    names = (
        (logging.CRITICAL, "critical"),
        (logging.ERROR, "error"),
        (logging.WARNING, "warning"),
        (logging.INFO, "info"),
    )
    return next((name for floor, name in names if number >= floor), "debug")
