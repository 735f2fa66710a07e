"""uvicorn's HTTP protocol with the timeouts and bounds that it lacks, and without its trouble with upgrades."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from atlas_core import limits

_SWEEP_S: Final = 1.0
_HEAD_BYTES: Final = 2 * limits.HEADERS_BYTES
_UPGRADE_HEADERS: Final = frozenset((b"upgrade", b"http2-settings"))
_NOT_HTTP: Final = "Invalid HTTP request received."


class GuardedProtocol(HttpToolsProtocol):
    """Lets go of clients that send slowly, or headers without end, and answers those that would like another protocol.

    uvicorn waits for ever for a request to arrive, and holds whatever headers come. One sweep a second looks at all
    connections: a timer for every request would cost more than all else that guards it.

    A request that offers an upgrade (Java's HttpClient and `curl --http2` always do) is an ordinary one: no service
    speaks anything but HTTP/1.1. uvicorn loses its body.

    Source: RFC 9110, section 7.8: a server may ignore Upgrade.
    """

    _in_head = True
    _began = 0.0
    _received_bytes = 0
    _begun_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._began = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        between_requests = self.cycle is None or not (self._in_head or self.cycle.more_body)
        # Where in them a later request begins is not known.
        self._begun_bytes = len(data) if between_requests else 1
        self._received_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self._feed(memoryview(data))
        except httptools.HttpParserError:
            self.logger.warning(_NOT_HTTP)
            self.send_400_response(_NOT_HTTP)
        if self._in_head and self._received_bytes > _HEAD_BYTES:
            self._refuse(431, b"the request's headers are too large")

    def eof_received(self) -> Any:
        """Keep the way back open for the answer where the client has sent a whole request, and nothing will follow."""
        waits = self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body
        if waits:
            self.cycle.keep_alive = False
        return waits

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        self._began = time.monotonic()
        self._received_bytes, self._begun_bytes = self._begun_bytes, 1

    def on_headers_complete(self) -> None:
        """Hand the request to the app."""
        self._in_head = False
        super().on_headers_complete()

    def end_if_late(self, now: float) -> None:
        """Let go of the client if what it has begun to send should be here by now."""
        waited_s = now - self._began
        if self._in_head:
            late = waited_s > limits.HEADERS_TIMEOUT_S
        else:
            allowed_s = limits.BODY_TIMEOUT_S + self._received_bytes / limits.SLOW_BODY_BYTES_PER_S
            late = self.cycle.more_body and not self.cycle.response_started and waited_s > allowed_s
        if late:
            self._refuse(408, b"the request did not arrive in time")

    def _feed(self, data: memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if not self._should_upgrade():
                    return
                data = data[upgrade.args[0] :]
                self._begin_again()
            else:
                return

    def _should_upgrade(self) -> bool:
        """Tell uvicorn to leave a request alone: it comes again without its offer."""
        return bool(self.parser.get_method() != b"CONNECT")

    def _begin_again(self) -> None:
        """Give the head of the request to a new parser, without its offer: the old one does not read the body."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.scope["method"].encode(), self.url, version)]
        lines += [b"%s: %s" % header for header in _without_upgrade(self.headers)]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _refuse(self, status: int, text: bytes) -> None:
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and self._in_head and not self.cycle.response_complete
        if self._received_bytes and not answering:
            body = b'{"error":"' + text + b'"}'
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\naccess-control-allow-origin: *\r\nconnection: close\r\n"
                + b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body
            )  # fmt: skip
        self.transport.close()


def _without_upgrade(headers: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name == b"connection":
            tokens = (token.strip() for token in value.split(b","))
            yield name, b", ".join(token for token in tokens if token.lower() not in _UPGRADE_HEADERS)
        elif name not in _UPGRADE_HEADERS:
            yield name, value


async def sweep(connections: set[Any]) -> None:
    """Let go of late clients, for ever."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        now = time.monotonic()
        for connection in list(connections):
            if isinstance(connection, GuardedProtocol):
                connection.end_if_late(now)
