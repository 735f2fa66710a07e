"""sys.excepthook, threading.excepthook and asyncio: where exceptions end that nobody caught."""

import asyncio
import gc
import sys
import threading
from typing import Any

import pytest

from atlas_sdk import Client
from atlas_sdk.integrations import asyncio as atlas_asyncio
from atlas_sdk.integrations import excepthook as atlas_excepthook
from atlas_sdk.integrations import threading as atlas_threading
from tests.sdk import hosts
from tests.sdk.scripted_server import ScriptedServer


def mechanism(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event["exception"]["values"][-1]["mechanism"]
    return found


def test_the_exception_that_ends_a_program_is_sent_before_it_ends(server: ScriptedServer) -> None:
    code = """
from atlas_sdk.integrations.excepthook import install
install(client())
def main():
    raise LookupError("nobody caught this")
main()
"""
    _, errors = hosts.run(code, server.url, expected=1)
    assert errors.endswith("LookupError: nobody caught this\n")
    (event,) = server.events
    assert (event["type"], event["level"]) == ("LookupError", "critical")
    assert mechanism(event) == {"type": "excepthook", "handled": False, "exception_id": 0}


def test_leaving_on_purpose_is_no_error(
    server: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: before.append(error))
    outer = sys.excepthook
    undo = atlas_excepthook.install(client)
    for error in (KeyboardInterrupt(), SystemExit(1), ValueError("x")):
        sys.excepthook(type(error), error, None)
    undo()
    assert sys.excepthook is outer
    assert client.flush(10)
    assert [event["type"] for event in server.events] == ["ValueError"]
    assert len(before) == 3


def test_the_exception_that_ends_a_thread_is_sent_with_its_name(
    server: ScriptedServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", before.append)
    undo = atlas_threading.install(client)

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail, name="worker-7")
    thread.start()
    thread.join()
    undo()
    assert threading.excepthook == before.append
    assert client.flush(10)
    (event,) = server.events
    assert (event["message"], event["tags"]) == ("in a thread", {"thread": "worker-7"})
    assert mechanism(event)["type"] == "threading"
    assert len(before) == 1


def test_a_task_that_nobody_awaits_is_reported(server: ScriptedServer, client: Client) -> None:
    before: list[Any] = []

    async def fail() -> None:
        raise ValueError("in a task")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: before.append(context))
        undo = atlas_asyncio.install(client)
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        del task
        gc.collect()
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)
        undo()
        loop.call_exception_handler({"message": "after", "exception": ValueError("after")})

    asyncio.run(main())
    assert client.flush(10)
    assert [(event["type"], mechanism(event)["type"]) for event in server.events] == [
        ("ValueError", "asyncio"),
        ("ZeroDivisionError", "asyncio"),
    ]
    assert server.events[0]["contexts"]["asyncio"]["message"] == "Task exception was never retrieved"
    assert len(before) == 3


@pytest.mark.logs_errors
def test_the_loop_still_says_what_it_says_without_the_integration(
    server: ScriptedServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        atlas_asyncio.install(client)
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert "division by zero" in caplog.text
    assert client.flush(10)
    assert len(server.events) == 1
