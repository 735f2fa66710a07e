import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.sdk.scripted_server import KEY, ScriptedServer, eventually, unused_port

SAMPLE = Path("examples") / "sample_app.py"


@contextmanager
def sample_app(repository: Path, atlas: str) -> Iterator[str]:
    """The sample application, started as its first lines say."""
    port = unused_port()
    process = subprocess.Popen(
        [sys.executable, str(SAMPLE), "--port", str(port)],
        cwd=repository,
        env={**os.environ, "ATLAS_API_KEY": KEY, "ATLAS_BASE_URL": atlas},
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, within_s=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_each_failing_route_reports_its_own_error(server: ScriptedServer, repository: Path) -> None:
    with sample_app(repository, server.url) as address:
        routes = httpx.get(address, timeout=30).json()
        assert routes == ["/random-error", "/database-timeout", "/null-reference", "/unhandled"]
        assert [httpx.get(address + route, timeout=30).status_code for route in routes] == [500] * 4
        eventually(lambda: len(server.events) == 4, within_s=30)
    random_error, timeout, reference, unhandled = server.events
    assert random_error["type"] == "RuntimeError"
    assert (timeout["type"], timeout["message"]) == ("TimeoutError", "database query timed out after 30s")
    assert (reference["type"], reference["message"]) == (
        "AttributeError",
        "'NoneType' object has no attribute 'email'",
    )
    assert (unhandled["type"], unhandled["message"]) == ("ZeroDivisionError", "division by zero")
    handled = [event["exception"]["values"][-1]["mechanism"]["handled"] for event in server.events]
    assert handled == [True, True, True, False]
    assert {event["release"] for event in server.events} == {"sample@1.0"}
    assert unhandled["contexts"]["request"]["url"].endswith("/unhandled")


def test_without_a_key_it_says_what_to_do(repository: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ATLAS_API_KEY"}
    run = subprocess.run(
        [sys.executable, str(SAMPLE)],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "ATLAS_API_KEY" in run.stderr
