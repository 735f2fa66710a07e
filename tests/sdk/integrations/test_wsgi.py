from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from atlas_sdk import Client
from atlas_sdk.integrations.wsgi import AtlasWsgiMiddleware
from tests.sdk.scripted_server import ScriptedServer

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def call(app: Any, **environ: Any) -> list[bytes]:
    """Serve one request as a server does: iterate, then close."""
    environ.setdefault("QUERY_STRING", "")
    setup_testing_defaults(environ)
    answer = app(environ, lambda *_arguments: lambda _data: None)
    try:
        return list(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def test_what_an_application_lets_escape_is_reported_with_its_request_and_goes_on(
    server: ScriptedServer, client: Client
) -> None:
    def app(_environ: dict[str, Any], _start: Callable[..., Any]) -> Iterable[bytes]:
        client.set_tag("request", "r1")
        raise ValueError("while answering")

    with pytest.raises(ValueError, match="while answering"):
        call(
            AtlasWsgiMiddleware(app, client),
            REQUEST_METHOD="POST",
            PATH_INFO="/orders",
            QUERY_STRING="page=2&token=hunter2",
            HTTP_USER_AGENT="curl",
            HTTP_COOKIE="hunter2",
            HTTP_AUTHORIZATION="hunter2",
            CONTENT_TYPE="text/plain",
        )
    client.capture_message("after the request")
    assert client.flush(10)
    event, after = server.events
    assert event["exception"]["values"][0]["mechanism"] == {"type": "wsgi", "handled": False, "exception_id": 0}
    request = event["contexts"]["request"]
    assert (request["method"], request["url"]) == ("POST", "http://127.0.0.1/orders")
    assert request["query"] == {"page": "2", "token": "[Filtered]"}
    assert request["headers"] == {"host": "127.0.0.1", "user-agent": "curl", "content-type": "text/plain"}
    assert (event["tags"], after["tags"]) == ({"request": "r1"}, {})
    assert "hunter2" not in str(event)


def test_an_answer_that_fails_while_it_is_read_is_reported_in_the_scope_of_its_request(
    server: ScriptedServer, client: Client
) -> None:
    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        client.set_tag("request", "streamed")
        yield b"one"
        raise ValueError("while streaming")

    with pytest.raises(ValueError, match="while streaming"):
        call(AtlasWsgiMiddleware(app, client), PATH_INFO="/stream")
    assert client.flush(10)
    (event,) = server.events
    assert event["tags"] == {"request": "streamed"}
    assert event["contexts"]["request"]["url"].endswith("/stream")


def test_an_answer_that_fails_when_it_is_closed_is_reported(server: ScriptedServer, client: Client) -> None:
    class Answer:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"x"])

        def close(self) -> None:
            raise ValueError("while closing")

    with pytest.raises(ValueError, match="while closing"):
        call(AtlasWsgiMiddleware(lambda _environ, _start: Answer(), client))
    assert client.flush(10)
    assert len(server.events) == 1


def test_the_middleware_keeps_the_rules_of_wsgi(server: ScriptedServer, client: Client) -> None:
    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        yield b"two"

    assert call(validator(AtlasWsgiMiddleware(validator(app), client))) == [b"one", b"two"]
    assert client.flush(10)
    assert server.events == []


def test_a_list_and_a_file_reach_the_server_as_they_are(client: Client) -> None:
    parts = [b"x"]
    environ: dict[str, Any] = {"wsgi.file_wrapper": FileWrapper}
    file = FileWrapper(open(__file__, "rb"))  # noqa: SIM115, PTH123 - it is closed below
    assert AtlasWsgiMiddleware(lambda *_: parts, client)(environ, print) is parts
    assert AtlasWsgiMiddleware(lambda *_: file, client)(environ, print) is file
    file.close()


def test_a_request_that_makes_no_sense_is_served_all_the_same(client: Client) -> None:
    odd: dict[str, Any] = {"QUERY_STRING": "&".join(["a=b"] * 500), "HTTP_X": object()}
    assert AtlasWsgiMiddleware(lambda *_: [b"fine"], client)(odd, print) == [b"fine"]
