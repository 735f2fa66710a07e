"""A load generator: keep-alive connections that send one prepared request again and again. Loopback only.

Run by the other benchmarks as a process of its own: `python -m benchmarks.load PORT ... < request` prints JSON.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import Any, NamedTuple

import uvloop

WARM_UP_S = 1.0


class Outcome(NamedTuple):
    """What a run saw: answers a second, their latencies in milliseconds, and answers that were not 2xx."""

    rate: float
    p50_ms: float
    p99_ms: float
    refused: int


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, sends the next."""

    def __init__(self, request: bytes, pause_s: float, until: float, done: asyncio.Future[None]) -> None:
        self._request = request
        self._pause_s = pause_s
        self._until = until
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0
        self.latencies: list[tuple[float, float]] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._buffer = b""
        now = time.perf_counter()
        self.latencies.append((now, now - self._sent_at))
        self.refused += not head.startswith(b"HTTP/1.1 2")
        if now >= self._until:
            self._transport.close()
            self._done.set_result(None)
        elif self._pause_s > 0:
            asyncio.get_running_loop().call_later(max(0.0, self._pause_s - (now - self._sent_at)), self._send)
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)


async def _run(port: int, request: bytes, connections: int, seconds: float, rate: float) -> Outcome:
    loop = asyncio.get_running_loop()
    started = time.perf_counter() + WARM_UP_S
    pause_s = connections / rate if rate else 0.0
    made: list[_Connection] = []
    waits: list[asyncio.Future[None]] = []
    for n in range(connections):
        done = loop.create_future()
        connection = _Connection(request, pause_s, started + seconds, done)
        await loop.create_connection(lambda connection=connection: connection, "127.0.0.1", port)  # type: ignore[misc]
        made.append(connection)
        waits.append(done)
        await asyncio.sleep(pause_s / connections if n else 0)
    await asyncio.gather(*waits)
    seen = sorted(took for connection in made for at, took in connection.latencies if at >= started)
    span_s = max(at for connection in made for at, _ in connection.latencies) - started
    refused = sum(connection.refused for connection in made)
    return Outcome(len(seen) / span_s, seen[len(seen) // 2] * 1e3, seen[int(len(seen) * 0.99)] * 1e3, refused)


def load(port: int, request: bytes, *, connections: int, seconds: float, rate: float = 0.0) -> Outcome:
    """Return what a load generator in a process of its own sees; `rate` requests a second, or as many as it can."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(connections), str(seconds), str(rate)]
    done = subprocess.run(command, input=request, capture_output=True, timeout=seconds + 60, check=True)  # noqa: S603
    return Outcome(**json.loads(done.stdout))


def request_of(path: str, body: bytes, **headers: str) -> bytes:
    """Return the bytes of a POST request; `_` in a header's name stands for `-`."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def main() -> None:
    """Run one load and print its outcome as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("port", type=int)
    arguments.add_argument("connections", type=int)
    arguments.add_argument("seconds", type=float)
    arguments.add_argument("rate", type=float)
    chosen = arguments.parse_args()
    request = sys.stdin.buffer.read()
    work = _run(chosen.port, request, chosen.connections, chosen.seconds, chosen.rate)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(work)
    sys.stdout.write(json.dumps(outcome._asdict()))


if __name__ == "__main__":
    main()
