"""One kept-alive HTTP connection to the ingestion service."""

import http.client
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from atlas_sdk.version import VERSION

_PATH: Final = "/api/ingest/events"
_ANSWER_BYTES: Final = 64 * 1024
_ACCEPTED: Final = {200, 202}
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_SERVER_ERROR: Final = 500
_RETRY_AFTER_MAX_S: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request; `status` 0 means that the server did not answer."""

    status: int
    retry_after_s: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the server has the event."""
        return self.status in _ACCEPTED

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in {0, _TOO_MANY} or self.status >= _SERVER_ERROR

    @property
    def blames_event(self) -> bool:
        """Whether the server failed in a way that this very event may cause."""
        return self.status >= _SERVER_ERROR and self.status != _UNAVAILABLE


class Connection:
    """Posts bodies one after the other; reconnects when the server has closed in between.

    Raises:
        ValueError: `base_url` is no http(s) address, or `api_key` cannot stand in a header.
    """

    def __init__(self, base_url: str, api_key: str, timeout_s: float) -> None:
        parts = urlsplit(base_url.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"base_url must look like http://host:8081, not {base_url!r}")
        if not api_key or not api_key.isascii() or not api_key.isprintable():
            raise ValueError("api_key must be the printable key that Atlas showed when the project was made")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = make(parts.hostname, parts.port, timeout=timeout_s)
        self._path = parts.path.rstrip("/") + _PATH
        self._headers = {
            "Content-Type": "application/json",
            "X-API-Key": api_key,
            "User-Agent": f"atlas-sdk/{VERSION}",
        }

    def post(self, body: bytes) -> Answer:
        """Return the server's answer to `body`; an idle connection that turns out to be closed is opened again."""
        was_open = self._http.sock is not None
        try:
            return self._exchange(body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.close()
            if not was_open:
                return Answer(0)
        except (OSError, http.client.HTTPException, UnicodeError):
            self.close()
            return Answer(0)
        return self.post(body)

    def close(self) -> None:
        """Close the connection; the next `post` opens it again."""
        self._http.close()

    def _exchange(self, body: bytes) -> Answer:
        self._http.request("POST", self._path, body, self._headers)
        response = self._http.getresponse()
        response.read(_ANSWER_BYTES)
        if not response.isclosed():
            self.close()
        return Answer(response.status, _seconds(response.getheader("Retry-After")))


def _seconds(header: str | None) -> int:
    text = (header or "").strip()
    return min(int(text[:9]), _RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0
