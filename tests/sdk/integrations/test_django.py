import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import django
import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client as Browser
from django.urls import path

from atlas_sdk import Client
from atlas_sdk.integrations.asgi import AtlasMiddleware
from atlas_sdk.integrations.django import install
from atlas_sdk.integrations.wsgi import AtlasWsgiMiddleware
from tests.sdk.integrations.test_wsgi import call
from tests.sdk.scripted_server import ScriptedServer

reporting: list[Client] = []


def fail(_request: HttpRequest, number: int) -> HttpResponse:
    reporting[0].set_tag("number", number)
    raise ValueError(f"order {number}")


async def fail_async(_request: HttpRequest, number: int) -> HttpResponse:
    reporting[0].set_tag("number", number)
    await asyncio.sleep(0)
    raise ValueError(f"order {number}")


def missing(_request: HttpRequest) -> HttpResponse:
    raise Http404


urlpatterns = [path("fail/<int:number>", fail), path("async/<int:number>", fail_async), path("missing", missing)]


@pytest.fixture(autouse=True)
def _installed(client: Client) -> Iterator[None]:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], DEBUG=False, LOGGING_CONFIG=None)
        django.setup()
    reporting[:] = [client]
    undo = install(client)
    yield
    undo()
    reporting.clear()


@pytest.mark.logs_errors
@pytest.mark.parametrize("kind", ["fail", "async"])
def test_a_view_that_fails_is_answered_500_and_reported_with_its_request(
    server: ScriptedServer, client: Client, kind: str
) -> None:
    assert Browser(raise_request_exception=False).get(f"/{kind}/1?page=2").status_code == 500
    assert client.flush(10)
    (event,) = server.events
    assert (event["type"], event["message"]) == ("ValueError", "order 1")
    request = event["contexts"]["request"]
    assert (request["method"], request["url"]) == ("GET", f"http://testserver:80/{kind}/1")
    assert request["query"] == {"page": "2"}
    assert event["exception"]["values"][-1]["mechanism"] == {"type": "django", "handled": False, "exception_id": 0}
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"].startswith("fail")


@pytest.mark.logs_errors
def test_behind_the_wsgi_middleware_each_request_has_its_own_tags(server: ScriptedServer, client: Client) -> None:
    application: Callable[..., Any] = AtlasWsgiMiddleware(get_wsgi_application(), client)
    for number in (1, 2):
        call(application, PATH_INFO=f"/fail/{number}")
    client.capture_message("after")
    assert client.flush(10)
    assert [(event["message"], event["tags"]) for event in server.events] == [
        ("order 1", {"number": "1"}),
        ("order 2", {"number": "2"}),
        ("after", {}),
    ]


@pytest.mark.logs_errors
@pytest.mark.parametrize("kind", ["fail", "async"])
def test_behind_the_asgi_middleware_each_request_has_its_own_tags(
    server: ScriptedServer, client: Client, kind: str
) -> None:
    application = AtlasMiddleware(get_asgi_application(), client)

    async def ask(number: int) -> int:
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": f"/{kind}/{number}", "headers": []}
        asked = ApplicationCommunicator(application, {**scope, "query_string": b"", "server": ("localhost", 80)})
        await asked.send_input({"type": "http.request", "body": b""})
        status: int = (await asked.receive_output(10))["status"]
        await asked.receive_output(10)
        await asked.wait(10)
        return status

    async def ask_all() -> list[int]:
        return list(await asyncio.gather(*(ask(n) for n in range(5))))

    assert asyncio.run(ask_all()) == [500] * 5
    client.capture_message("after")
    assert client.flush(10)
    assert {event["message"]: event["tags"] for event in server.events} == {
        **{f"order {n}": {"number": str(n)} for n in range(5)},
        "after": {},
    }


def test_a_page_that_is_missing_is_no_error(server: ScriptedServer, client: Client) -> None:
    assert Browser().get("/missing").status_code == 404
    assert client.flush(10)
    assert server.events == []
