"""A real HTTP server that answers as a test says and keeps what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "atlas_" + "a1" * 32
QUICK: dict[str, Any] = {"retry_first_s": 0.01, "retry_max_s": 0.05}


class ScriptedServer(ThreadingHTTPServer):
    """Answers with `script` in turn, then with `always`; `events` are the accepted bodies, `bodies` all of them."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.script: list[tuple[int, dict[str, str]]] = []
        self.always = 202
        self.bodies: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.drop_after_answer = False
        super().__init__(("127.0.0.1", port), _Handler)

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
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, headers = self.server.script.pop(0) if self.server.script else (self.server.always, {})
        self.server.bodies.append(body)
        self.server.headers.append({**{name.lower(): value for name, value in self.headers.items()}, "path": self.path})
        self.server.connections.add(self.client_address)
        if status in {200, 202}:
            self.server.events.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
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
