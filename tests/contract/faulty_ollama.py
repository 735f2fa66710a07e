"""A server at Ollama's place that answers as a test says: the bytes that a real one will not send on demand."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[socket.socket], None]
CRLF = "\r\n"


def raw(content: bytes) -> Answer:
    return lambda connection: connection.sendall(content)


def http(status: int, body: str | bytes = "", **headers: str) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} As told", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return raw((CRLF.join(lines) + CRLF * 2).encode() + content)


def part(content: str = "", *, done: bool = False, **more: Any) -> str:
    """A line of Ollama's stream; the last one says why it is the last."""
    line: dict[str, Any] = {"model": "scripted", "message": {"role": "assistant", "content": content}, "done": done}
    if done:
        line |= {"done_reason": "stop", "prompt_eval_count": 20, "eval_count": 5}
    return json.dumps(line | more) + "\n"


def pour(content: bytes, repeated: bytes, pause_s: float = 0) -> Answer:
    """Send something, then the same for ever, as fast as it is taken or with pauses."""

    def send(connection: socket.socket) -> None:
        connection.sendall(content)
        while True:
            connection.sendall(repeated)
            time.sleep(pause_s)

    return send


def silence(after: bytes = b"") -> Answer:
    def send(connection: socket.socket) -> None:
        connection.sendall(after)
        while connection.recv(65_536):
            pass

    return send


def reset(after: bytes = b"") -> Answer:
    def send(connection: socket.socket) -> None:
        connection.sendall(after)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return send


class FaultyOllama:
    """Gives every connection the same answer; keeps the bodies of what it was asked."""

    def __init__(self, listener: socket.socket) -> None:
        self.answer: Answer = raw(b"")
        self.asked: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener = listener

    def run(self) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            head, _, body = connection.recv(65_536).partition(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
            while len(body) < length:
                body += connection.recv(65_536)
            self.asked.append(json.loads(body))
            self.answer(connection)


@contextmanager
def faulty_ollama() -> Iterator[FaultyOllama]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FaultyOllama(listener)
        threading.Thread(target=server.run, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
