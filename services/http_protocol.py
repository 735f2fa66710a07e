"""uvicorn's HTTP protocol with the timeouts and bounds that it lacks."""

import asyncio
import time
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from atlas_core import limits

_SWEEP_S: Final = 1.0
_HEAD_BYTES: Final = 2 * limits.HEADERS_BYTES


class GuardedProtocol(HttpToolsProtocol):
    """Lets go of clients that send slowly, or headers without end.

    uvicorn waits for ever for a request to arrive, and holds whatever headers come. One sweep a second looks at all
    connections: a timer for every request would cost more than all else that guards it.
    """

    _in_head = True
    _began = 0.0
    _received_bytes = 0
    _arrived_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._began = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        self._arrived_bytes = len(data)
        self._received_bytes += self._arrived_bytes
        super().data_received(data)
        if self._in_head and self._received_bytes > _HEAD_BYTES:
            self._refuse(431, b"the request's headers are too large")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        self._began = time.monotonic()
        self._received_bytes = self._arrived_bytes

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


async def sweep(connections: set[Any]) -> None:
    """Let go of late clients, for ever."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        now = time.monotonic()
        for connection in list(connections):
            if isinstance(connection, GuardedProtocol):
                connection.end_if_late(now)
