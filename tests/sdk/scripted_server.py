"""A real HTTP server that answers as a test says and keeps what it was sent."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "atlas_" + "a1" * 32
QUICK: dict[str, Any] = {"retry_first_s": 0.01, "retry_max_s": 0.05}


class ScriptedServer(ThreadingHTTPServer):
    """Answers with `script` in turn, then with `always`; `events` are accepted, `requests` all, each a list of events.

    `refuses(event)` says which events of an accepted batch are rejected, `breaks(event)` which ones make it answer 500.
    No answer goes out while `gate` is not set.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.script: list[tuple[int, dict[str, str]]] = []
        self.always = 202
        self.requests: list[list[dict[str, Any]]] = []
        self.refuses: Callable[[dict[str, Any]], bool] = lambda _event: False
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.breaks: Callable[[dict[str, Any]], bool] = lambda _event: False
        self.drop_after_answer = False
        self.gate = threading.Event()
        self.gate.set()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a client break off, as one that is killed does, without a traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        events = [json.loads(line) for line in content.split(b"\n")]
        status, headers = self.server.script.pop(0) if self.server.script else (self.server.always, {})
        if any(self.server.breaks(event) for event in events):
            status = 500
        taken = [event for event in events if not self.server.refuses(event)]
        self.server.requests.append(events)
        self.server.headers.append({**{name.lower(): value for name, value in self.headers.items()}, "path": self.path})
        self.server.connections.add(self.client_address)
        self.server.gate.wait(30)
        if status in {200, 202}:
            self.server.events += taken
        is_batch = self.path.endswith("/batch")
        answer = json.dumps({"accepted": len(taken)} if is_batch else {"status": "Queued message"}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = self.server.drop_after_answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - as in the base class
        return


@contextmanager
def serving(port: int = 0) -> Iterator[ScriptedServer]:
    with ScriptedServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def unused_port() -> int:
    """Return a port on which nobody listens now."""
    with ScriptedServer() as server:
        return server.port


def eventually(holds: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until `holds()` is true."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.005)
