"""The SDK against a scripted HTTP server: nothing lost, nothing raised, nothing doubled under another id."""

import ast
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from atlas_sdk import Client
from atlas_sdk.integrations.asgi import AtlasMiddleware

KEY = "atlas_" + "a" * 64


class Scripted(ThreadingHTTPServer):
    """Answers with the given statuses in turn, then 202; keeps what it was sent."""

    def __init__(self) -> None:
        self.statuses: list[tuple[int, dict[str, str]]] = []
        self.bodies: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body) | {"key": self.headers["X-API-Key"], "path": self.path})
        status, headers = self.server.statuses.pop(0) if self.server.statuses else (202, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as scripted:
        thread = threading.Thread(target=scripted.serve_forever, args=(0.02,))
        thread.start()
        yield scripted
        scripted.shutdown()
        thread.join()


@pytest.fixture
def client(server: Scripted) -> Iterator[Client]:
    with Client(KEY, server.url, release="app@1", environment="test") as made:
        yield made


def test_an_error_arrives_with_its_chain_frames_and_id(server: Scripted, client: Client):
    try:
        try:
            {}["missing"]
        except KeyError as cause:
            raise ValueError("no such setting") from cause
    except ValueError as error:
        event_id = client.capture_error(error, tags={"k": "v"})
    assert client.flush(5)
    (sent,) = server.bodies
    assert (sent["event_id"], sent["type"], sent["message"]) == (event_id, "ValueError", "no such setting")
    assert (sent["path"], sent["key"]) == ("/api/ingest/events", KEY)
    assert [value["type"] for value in sent["exception"]["values"]] == ["KeyError", "ValueError"]
    frame = sent["exception"]["values"][1]["stacktrace"]["frames"][-1]
    assert frame["context_line"].strip() == 'raise ValueError("no such setting") from cause'
    assert frame["in_app"] is True
    assert "vars" not in frame
    assert "Traceback (most recent call last)" in sent["stack_trace"]
    assert (sent["release"], sent["environment"], sent["tags"]) == ("app@1", "test", {"k": "v"})


def test_a_refusal_for_now_is_retried_with_the_same_id(server: Scripted, client: Client):
    server.statuses = [(503, {"Retry-After": "0"}), (500, {}), (429, {"Retry-After": "0"})]
    event_id = client.capture_message("again")
    assert client.flush(10)
    assert [body["event_id"] for body in server.bodies] == [event_id] * 4
    assert client.stats() == {"sent": 1, "queued": 0}


def test_a_refusal_for_ever_is_dropped_and_counted(server: Scripted, client: Client):
    server.statuses = [(401, {})]
    client.capture_message("x")
    client.capture_message("y")
    assert client.flush(5)
    assert client.stats() == {"sent": 1, "refused with 401": 1, "queued": 0}


def test_a_full_queue_drops_and_counts_and_never_blocks():
    client = Client(KEY, "http://127.0.0.1:9", max_queue=10)
    for n in range(50):
        client.capture_message(f"m{n}")
    assert client.stats()["queue full"] == 40
    client.close(0.1)
    assert client.stats()["closed"] == 10


def test_what_waits_is_sent_when_the_server_comes_back(server: Scripted):
    port = server.server_address[1]
    with Client(KEY, f"http://127.0.0.1:{port}") as client:
        server.statuses = [(503, {})] * 3
        ids = [client.capture_message(f"m{n}") for n in range(5)]
        assert client.flush(15)
    accepted = [body["event_id"] for body in server.bodies[3:]]
    assert accepted == ids


def test_secrets_stay_in_the_process(server: Scripted, client: Client):
    client.set_user({"id": "1", "password": "hunter2"})
    client.add_breadcrumb("login", token="abc")
    client.capture_message(f"key {KEY} at postgres://me:pass@db/x")
    assert client.flush(5)
    text = json.dumps(server.bodies[0]["message"] + json.dumps(server.bodies[0]["user"]) + json.dumps(server.bodies[0]["breadcrumbs"]))
    assert not any(secret in text for secret in (KEY, "hunter2", "pass@", "abc"))


def test_nothing_the_host_does_raises_out_of_capture(server: Scripted, client: Client):
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    client.capture_error(BrokenError())
    client.capture_error(None)
    client.capture_message("half \ud800 and nul \x00")
    assert client.flush(5)
    assert len(server.bodies) == 3


def test_before_send_changes_drops_and_may_fail(server: Scripted):
    def before(event: dict[str, Any]) -> dict[str, Any] | None:
        if event["message"] == "drop":
            return None
        if event["message"] == "fail":
            raise RuntimeError("broken hook")
        return event | {"message": "changed"}

    with Client(KEY, server.url, before_send=before) as client:
        for message in ("drop", "fail", "keep"):
            client.capture_message(message)
        assert client.flush(5)
        assert client.stats()["before_send"] == 1
    assert [body["message"] for body in server.bodies] == ["fail", "changed"]


def test_the_asgi_middleware_reports_and_passes_on(server: Scripted, client: Client):
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    app = AtlasMiddleware(broken, client)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(app({"type": "http", "method": "GET", "path": "/x"}, None, None))  # type: ignore[arg-type]
    assert client.flush(5)
    assert server.bodies[0]["tags"] == {"method": "GET", "path": "/x"}
    assert server.bodies[0]["exception"]["values"][0]["mechanism"]["handled"] is False


def test_an_uncaught_exception_is_sent_before_the_program_ends(server: Scripted):
    program = (
        "import sys, atlas_sdk\nfrom atlas_sdk.integrations.excepthook import install\n"
        "install(atlas_sdk.Client(sys.argv[1], sys.argv[2]))\nraise OSError('disk on fire')"
    )
    done = subprocess.run([sys.executable, "-c", program, KEY, server.url], capture_output=True, text=True, check=False)
    assert "disk on fire" in done.stderr
    assert [(body["message"], body["level"]) for body in server.bodies] == [("disk on fire", "critical")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_sends_its_own_events_and_not_its_parents(server: Scripted):
    program = (
        "import os, sys, atlas_sdk\nc = atlas_sdk.Client(sys.argv[1], sys.argv[2])\nc.capture_message('parent')\n"
        "assert c.flush(5)\npid = os.fork()\nc.capture_message('child' if pid == 0 else 'parent again')\n"
        "assert c.flush(5)\nos._exit(0) if pid == 0 else os.waitpid(pid, 0)"
    )
    subprocess.run([sys.executable, "-c", program, KEY, server.url], check=True)
    assert sorted(body["message"] for body in server.bodies) == ["child", "parent", "parent again"]


def test_capturing_with_the_server_down_costs_the_host_nothing_that_grows():
    client = Client(KEY, "http://127.0.0.1:9", max_queue=5_000)
    started = time.perf_counter()
    for _ in range(200):
        client.capture_message("x")
    first = time.perf_counter() - started
    for _ in range(2_000):
        client.capture_message("x")
    started = time.perf_counter()
    for _ in range(200):
        client.capture_message("x")
    assert time.perf_counter() - started < first * 20
    client.close(0)


def test_the_sdk_imports_only_the_standard_library(repository: Path):
    for path in (repository / "sdk" / "src" / "atlas_sdk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or top == "atlas_sdk", f"{path.name} imports {name}"
