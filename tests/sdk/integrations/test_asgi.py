import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from atlas_sdk import Client
from atlas_sdk.integrations.asgi import AtlasMiddleware
from tests.sdk.scripted_server import ScriptedServer

HTTP: dict[str, Any] = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}


async def receive() -> MutableMapping[str, Any]:
    return {"type": "http.request"}


async def send(_message: MutableMapping[str, Any]) -> None:
    return


def serve(client: Client, error: BaseException | None, scope: dict[str, Any]) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        client.set_tag("inside", "yes")
        if error is not None:
            raise error

    asyncio.run(AtlasMiddleware(app, client)(scope, receive, send))


def test_an_exception_is_reported_and_goes_on_its_way(server: ScriptedServer, client: Client) -> None:
    with pytest.raises(ValueError, match="x"):
        serve(client, ValueError("x"), {**HTTP, "server": ("10.0.0.1", 80), "headers": [(b"user-agent", b"curl")]})
    serve(client, None, HTTP)
    client.capture_message("after")
    assert client.flush(10)
    event, after = server.events
    assert event["contexts"]["request"]["url"] == "http://10.0.0.1:80/x"
    assert event["contexts"]["request"]["headers"] == {"user-agent": "curl"}
    assert (event["tags"], after["tags"]) == ({"inside": "yes"}, {})


def test_a_request_that_is_cancelled_is_no_error(server: ScriptedServer, client: Client) -> None:
    with pytest.raises(asyncio.CancelledError):
        serve(client, asyncio.CancelledError(), HTTP)
    assert client.flush(10)
    assert server.events == []


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"type": "http"}, {"type": "http", "headers": [(1, 2)]}])
def test_a_scope_without_a_request_is_served_and_its_error_reported(
    server: ScriptedServer, client: Client, scope: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="x"):
        serve(client, ValueError("x"), scope)
    assert client.flush(10)
    assert len(server.events) == 1
