"""Reading a request and answering it, without a framework's per-request cost."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from atlas_core import limits
from atlas_core.errors import RejectedError, TooLargeError

_HEADERS: Final = 100
_HEADER_BYTES: Final = 8 * 1024
_HEADERS_BYTES: Final = 32 * 1024

# The key travels in the request, never in a cookie: any origin may report, none may send credentials.
CORS_HEADERS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"x-sentry-error, x-sentry-rate-limits, retry-after"),
)
# Beside CORS_HEADERS, which every answer has: a browser refuses an answer that has one of them twice.
PREFLIGHT_HEADERS: Final = (
    (b"access-control-allow-methods", b"POST"),
    (
        b"access-control-allow-headers",
        (
            b"x-sentry-auth, x-api-key, x-requested-with, origin, referer, accept, content-type, authentication, "
            b"authorization, content-encoding, transfer-encoding, sentry-trace, baggage"
        ),
    ),
    (b"access-control-max-age", b"3600"),
)


class TimedOutError(RejectedError):
    """The body did not arrive in time."""


class Call:
    """One request: its headers (lower-case names), its query, its body on demand."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }

    @property
    def query(self) -> dict[str, str]:
        """The query string's names and last values."""
        return dict(parse_qsl(self._scope["query_string"].decode("latin-1"), max_num_fields=_HEADERS))

    def check_headers(self) -> None:
        """Return if the headers are within bounds.

        Raises:
            TooLargeError: They are too many or too long.
        """
        sizes = [len(name) + len(value) for name, value in self._scope["headers"]]
        if len(sizes) > _HEADERS or sum(sizes) > _HEADERS_BYTES or max(sizes, default=0) > _HEADER_BYTES:
            raise TooLargeError("the request's headers are too large")

    async def body(self, size_bytes: int) -> bytes:
        """Return the whole body.

        Raises:
            TooLargeError: It is longer than `size_bytes`, by its declaration or in fact.
            TimedOutError: It did not arrive within `limits.BODY_TIMEOUT_S`.
            RejectedError: The client went away.
        """
        declared = self.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > size_bytes:
            raise TooLargeError(f"the body is larger than {size_bytes:,} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(limits.BODY_TIMEOUT_S):
                more = True
                while more:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise RejectedError("the client went away")
                    body += message.get("body", b"")
                    if len(body) > size_bytes:
                        raise TooLargeError(f"the body is larger than {size_bytes:,} bytes")
                    more = message.get("more_body", False)
        except TimeoutError as error:
            raise TimedOutError(f"the body did not arrive within {limits.BODY_TIMEOUT_S:.0f} s") from error
        return bytes(body)


class Answer(msgspec.Struct, frozen=True):
    """What goes back: a status, a body (JSON unless said otherwise), further headers."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"

    async def send(self, send: Send) -> None:
        """Send it, with the CORS headers of the ingest routes."""
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            *CORS_HEADERS,
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(status: int, content: object, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer whose body is `content` as JSON."""
    return Answer(status, msgspec.json.encode(content), headers)
