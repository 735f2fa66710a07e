"""One kept-alive HTTP connection to the ingestion service."""

import http.client
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from atlas_sdk.guard import attempt
from atlas_sdk.parcels import Parcel
from atlas_sdk.version import VERSION

_PATH: Final = "/api/ingest/events"
_ANSWER_BYTES: Final = 64 * 1024
_ACCEPTED: Final = {200, 202}
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
# Said by a server that is overloaded, or by a proxy whose server is away.
_AWAY: Final = {502, 503, 504}
_RETRY_AFTER_MAX_S: Final = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request; `status` 0 means that the server did not answer.

    `taken` is how many events of a batch the server has; None when it did not say, as after a single event.
    """

    status: int
    retry_after_s: int = 0
    taken: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server has the event, or went through the batch."""
        return self.status in _ACCEPTED

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in {0, _TOO_MANY} or self.status >= _SERVER_ERROR

    @property
    def blames_event(self) -> bool:
        """Whether the server failed in a way that this very request may cause."""
        return self.status >= _SERVER_ERROR and self.status not in _AWAY


class Connection:
    """Posts parcels, one request after the other; reconnects when the server has closed in between.

    Raises:
        ValueError: `base_url` is no http(s) address, or `api_key` cannot stand in a header.
    """

    def __init__(self, base_url: str, api_key: str, timeout_s: float) -> None:
        parts = urlsplit(base_url.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"base_url must look like http://host:8081, not {base_url!r}")
        if not api_key or not api_key.isascii() or not api_key.isprintable():
            raise ValueError("api_key must be the printable key that Atlas showed when the project was made")
        self._make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._timeout_s = parts.hostname, parts.port, timeout_s
        self._http = self._made()
        self._inherited: list[http.client.HTTPConnection] = []
        self._path = parts.path.rstrip("/") + _PATH
        self._headers = {"X-API-Key": api_key, "User-Agent": f"atlas-sdk/{VERSION}"}

    def post(self, parcels: Sequence[Parcel]) -> Answer:
        """Return the server's answer; an idle connection that turns out to be closed is opened again."""
        was_open = self._http.sock is not None
        try:
            return self._exchange(parcels)
        except ConnectionError:
            self.close()
            if not was_open:
                return Answer(0)
        except (OSError, http.client.HTTPException, UnicodeError):
            self.close()
            return Answer(0)
        return self.post(parcels)

    def close(self) -> None:
        """Close the connection; the next `post` opens it again."""
        self._http.close()

    def begin_again_in_child(self) -> None:
        """Leave the parent's connection to the parent, in a forked child.

        What reads from it is neither closed nor freed here: the parent's thread may have held its lock at the fork,
        and no thread is left in the child to let go of it.
        """
        inherited = self._http
        self._inherited.append(inherited)
        if inherited.sock is not None:
            attempt(lambda: os.close(inherited.sock.detach()), lambda: None)
        self._http = self._made()

    def _made(self) -> http.client.HTTPConnection:
        return self._make(self._host, self._port, timeout=self._timeout_s)

    def _exchange(self, parcels: Sequence[Parcel]) -> Answer:
        if len(parcels) == 1:
            path, kind, body = self._path, "application/json", parcels[0].body
        else:
            path, kind = f"{self._path}/batch", "application/x-ndjson"
            body = b"\n".join(parcel.body for parcel in parcels)
        self._http.request("POST", path, body, {**self._headers, "Content-Type": kind})
        response = self._http.getresponse()
        content = response.read(_ANSWER_BYTES)
        if not response.isclosed():
            self.close()
        retry_after_s = _seconds(response.getheader("Retry-After"))
        return Answer(response.status, retry_after_s, _taken(content, len(parcels)) if len(parcels) > 1 else None)


def _seconds(header: str | None) -> int:
    text = (header or "").strip()
    return min(int(text[:9]), _RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0


def _taken(content: bytes, sent: int) -> int | None:
    answer = attempt(lambda: json.loads(content), lambda: None)
    taken = answer.get("accepted") if isinstance(answer, dict) else None
    return min(taken, sent) if isinstance(taken, int) else None
