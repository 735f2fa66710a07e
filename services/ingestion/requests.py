"""Reading a request and answering it, without a framework's per-request cost."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from atlas_core import limits
from atlas_core.errors import AtlasError, TooLargeError, TransientError
from atlas_core.projects import KeyOwner
from atlas_core.protocols.inflating import inflater_for
from services.ingestion.refusals import ClientGoneError, HeadersTooLargeError, retry_after_s

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
            b"x-sentry-auth, x-api-key, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, "
            b"authentication, authorization, content-encoding, transfer-encoding, sentry-trace, baggage"
        ),
    ),
    (b"access-control-max-age", b"3600"),
)
_SOON_BYTES: Final = 64 * limits.KIB
_SOON_S: Final = 0.2
_LINGER_S: Final = 2.0
_TURN_S: Final = 0.005
# RFC 9110, section 8.6: such an answer has no Content-Length.
_NO_CONTENT: Final = 204


class Room:
    """How much memory all bodies together may take while they are read."""

    def __init__(self, size_bytes: int = limits.BODIES_BYTES) -> None:
        self._left = size_bytes

    def take(self, size_bytes: int) -> None:
        """Take (or, where negative, give back) so much of it.

        Raises:
            TransientError: There is not so much left.
        """
        if size_bytes > self._left:
            raise TransientError("ingestion is overloaded: too many large bodies at once")
        self._left -= size_bytes


class Call:
    """One request: its headers (lower-case names), its query, its body on demand.

    `owner` is set once the key is known, so that what becomes of the request can be counted.
    """

    def __init__(self, scope: Scope, receive: Receive, room: Room) -> None:
        self._receive = receive
        self._room = room
        self._held_bytes = 0
        self._read_bytes = 0
        self._whole = False
        self.scope = scope
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.owner: KeyOwner | None = None

    def header(self, name: bytes) -> str:
        """Return a header's (last) value, or nothing."""
        return self.headers.get(name, b"").decode("latin-1").strip()

    @property
    def client_ip(self) -> str | None:
        """Who sent it: the peer, or what a proxy on this host says of it."""
        client = self.scope.get("client")
        return str(client[0]) if client else None

    def check_headers(self) -> None:
        """Return if the headers are within bounds.

        Raises:
            HeadersTooLargeError: They are too many or too long.
        """
        sizes = [len(name) + len(value) for name, value in self.scope["headers"]]
        sizes.append(len(self.scope["raw_path"]) + len(self.scope["query_string"]))
        if len(sizes) > limits.HEADERS + 1 or sum(sizes) > limits.HEADERS_BYTES or max(sizes) > limits.HEADER_BYTES:
            raise HeadersTooLargeError("the request's headers are too large")

    async def body(self, wire_bytes: int, inflated_bytes: int) -> bytes:
        """Return the whole body without its content encoding.

        Raises:
            UnsupportedEncodingError: The encoding is not understood.
            TooLargeError: It is longer than `wire_bytes` as sent (by its declaration or in fact) or than
                `inflated_bytes` after.
            TransientError: Too many large bodies are being read.
            RejectedError: It is not what its encoding says, or the client went away.
        """
        first = b""
        if b"content-encoding" not in self.headers:
            self._check_declared(wire_bytes)
            first = await self._next(wire_bytes)
            if self._whole:
                return first
        whole = bytearray(first)
        async for piece in self.pieces(wire_bytes, inflated_bytes):
            whole += piece
            self.hold(len(whole))
        return bytes(whole)

    def hold(self, size_bytes: int) -> None:
        """Say how much of its body this request keeps in memory now.

        Raises:
            TransientError: All requests together would keep too much.
        """
        self._room.take(size_bytes - self._held_bytes)
        self._held_bytes = size_bytes

    async def pieces(self, wire_bytes: int, inflated_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, without its content encoding.

        Raises:
            UnsupportedEncodingError: As `body` does, like the others.
            TooLargeError: It is longer than allowed.
            RejectedError: It is broken, or the client went away.
        """
        inflater = inflater_for(self.header(b"content-encoding"))
        self._check_declared(wire_bytes)
        made, turn_began = 0, time.monotonic()
        while not self._whole:
            data = await self._next(wire_bytes)
            for piece in (data,) if inflater is None else inflater.feed(data):
                made += len(piece)
                if made > inflated_bytes:
                    raise TooLargeError(f"the inflated body is larger than {inflated_bytes:,} bytes")
                yield piece
                if time.monotonic() - turn_began > _TURN_S:
                    # Other requests go on, whatever a bomb holds and its reader makes of it.
                    await asyncio.sleep(0)
                    turn_began = time.monotonic()
        if inflater is not None:
            inflater.finish()

    async def is_read(self) -> bool:
        """Tell whether the body is read to its end, after a short look at what is there already."""
        declared = self._declared_bytes()
        if declared == 0 or (declared is not None and declared - self._read_bytes > _SOON_BYTES):
            return declared == 0
        await self._drain(_SOON_S, self._read_bytes + _SOON_BYTES)
        return self._whole

    async def linger(self) -> None:
        """Read and forget what still comes, for a while: a connection closed at once would lose the answer."""
        await self._drain(_LINGER_S, None)

    async def _drain(self, seconds: float, most_bytes: int | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self._whole and (most_bytes is None or self._read_bytes < most_bytes):
                    await self._next(None)
        except (TimeoutError, ClientGoneError):
            return

    def _check_declared(self, most_bytes: int) -> None:
        if (self._declared_bytes() or 0) > most_bytes:
            raise TooLargeError(f"the body is larger than {most_bytes:,} bytes")

    def _declared_bytes(self) -> int | None:
        """Return the declared length, 0 where there is no body, None where it is chunked."""
        if b"transfer-encoding" in self.headers:
            return None
        declared = self.headers.get(b"content-length", b"0")
        return int(declared) if declared.isdigit() else 0

    async def _next(self, most_bytes: int | None) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("the client went away")
        data: bytes = message.get("body", b"")
        self._read_bytes += len(data)
        self._whole = not message.get("more_body", False)
        if most_bytes is not None and self._read_bytes > most_bytes:
            raise TooLargeError(f"the body is larger than {most_bytes:,} bytes")
        return data


class Answer(msgspec.Struct, frozen=True):
    """What goes back: a status, a body (JSON unless said otherwise), further headers."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content_type: bytes = b"application/json"

    async def send(self, send: Send) -> None:
        """Send it, with the CORS headers of the ingest routes."""
        await send({"type": "http.response.start", "status": self.status, "headers": self._all_headers()})
        await send({"type": "http.response.body", "body": self.body})

    async def send_early(self, send: Send, call: Call) -> None:
        """Send it while the client is still sending, then close the connection."""
        headers = [*self._all_headers(), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await call.linger()
        await send({"type": "http.response.body", "body": b""})

    def _all_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [*CORS_HEADERS, *self.headers]
        if self.status != _NO_CONTENT:
            headers += [(b"content-type", self.content_type), (b"content-length", str(len(self.body)).encode())]
        return headers


def json_answer(status: int, content: object, *headers: tuple[bytes, bytes]) -> Answer:
    """Return an answer whose body is `content` as JSON."""
    return Answer(status, msgspec.json.encode(content), headers)


def retry_headers(error: AtlasError) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that says when it is worth another try, where that is known."""
    seconds = retry_after_s(error)
    return () if seconds is None else ((b"retry-after", str(seconds).encode()),)
