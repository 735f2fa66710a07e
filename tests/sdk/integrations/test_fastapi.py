import asyncio

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator
from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.responses import Response

from atlas_sdk import Client
from atlas_sdk.integrations.fastapi import install
from tests.sdk.scripted_server import ScriptedServer


@pytest.fixture
def app(client: Client) -> FastAPI:
    made = FastAPI()
    install(client, made)

    @made.get("/plain/{number}")
    def plain(number: int) -> None:
        client.set_tag("number", number)
        raise ValueError(f"order {number}")

    @made.get("/async/{number}")
    async def in_the_loop(number: int) -> None:
        client.set_tag("number", number)
        await asyncio.sleep(0.01)
        raise ValueError(f"order {number}")

    @made.get("/handled/{kind}")
    def handled(kind: str) -> None:
        raise HTTPException(404) if kind == "http" else LookupError("known")

    @made.exception_handler(LookupError)
    async def known(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse("known", 409)

    @made.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ValueError("in a websocket")

    return made


def ask(app: FastAPI, *paths: str) -> list[int]:
    """Ask for all paths at once; the statuses of the answers."""

    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            answers = await asyncio.gather(*(browser.get(path, headers={"cookie": "hunter2"}) for path in paths))
            return [answer.status_code for answer in answers]

    return asyncio.run(ask_all())


def test_a_route_that_fails_is_answered_500_and_reported_with_its_request(
    server: ScriptedServer, client: Client, app: FastAPI
) -> None:
    assert ask(app, "/plain/1?page=2&api_key=hunter2") == [500]
    assert client.flush(10)
    (event,) = server.events
    assert (event["message"], event["tags"]) == ("order 1", {"number": "1"})
    request = event["contexts"]["request"]
    assert (request["method"], request["url"]) == ("GET", "http://test/plain/1")
    assert request["query"] == {"page": "2", "api_key": "[Filtered]"}
    assert event["exception"]["values"][-1]["mechanism"] == {"type": "asgi", "handled": False, "exception_id": 0}
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "plain"
    assert "hunter2" not in str(request)


def test_requests_that_run_at_once_keep_their_own_tags(server: ScriptedServer, client: Client, app: FastAPI) -> None:
    assert ask(app, *(f"/async/{n}" for n in range(20))) == [500] * 20
    client.capture_message("after")
    assert client.flush(10)
    assert {event["message"]: event["tags"] for event in server.events} == {
        **{f"order {n}": {"number": str(n)} for n in range(20)},
        "after": {},
    }


def test_what_the_application_handles_is_not_reported(server: ScriptedServer, client: Client, app: FastAPI) -> None:
    assert ask(app, "/handled/http", "/handled/known") == [404, 409]
    assert client.flush(10)
    assert server.events == []


def test_a_websocket_that_fails_is_reported(server: ScriptedServer, client: Client, app: FastAPI) -> None:
    async def connect() -> None:
        scope = {"type": "websocket", "path": "/ws", "query_string": b"", "headers": [], "subprotocols": []}
        socket = ApplicationCommunicator(app, scope)
        await socket.send_input({"type": "websocket.connect"})
        await socket.receive_output(10)
        await socket.wait(10)

    with pytest.raises(ValueError, match="in a websocket"):
        asyncio.run(connect())
    assert client.flush(10)
    (event,) = server.events
    assert (event["message"], event["contexts"]["request"]["method"]) == ("in a websocket", "WEBSOCKET")
