from collections.abc import Iterator

import flask
import pytest

from atlas_sdk import Client
from atlas_sdk.integrations.flask import install
from tests.sdk.scripted_server import ScriptedServer


@pytest.fixture
def app(client: Client) -> flask.Flask:
    made = flask.Flask("shop")
    install(client, made)

    @made.get("/fail/<int:number>")
    def fail(number: int) -> str:
        client.set_tag("number", number)
        client.add_breadcrumb(f"step {number}")
        raise ValueError(f"order {number}")

    @made.get("/handled")
    def handled() -> str:
        raise LookupError("known")

    @made.errorhandler(LookupError)
    def known(_error: LookupError) -> tuple[str, int]:
        return "known", 404

    @made.get("/stream")
    def stream() -> flask.Response:
        def parts() -> Iterator[str]:
            yield "one"
            raise ValueError("while streaming")

        return flask.Response(parts())

    return made


@pytest.mark.logs_errors
def test_a_view_that_fails_is_answered_500_and_reported_once(
    server: ScriptedServer, client: Client, app: flask.Flask
) -> None:
    browser = app.test_client()
    assert [browser.get(f"/fail/{n}?page=2").status_code for n in (1, 2)] == [500, 500]
    assert client.flush(10)
    assert [(event["message"], event["tags"]) for event in server.events] == [
        ("order 1", {"number": "1"}),
        ("order 2", {"number": "2"}),
    ]
    event = server.events[1]
    assert [step["message"] for step in event["breadcrumbs"]] == ["step 2"]
    assert event["contexts"]["request"] == {
        "method": "GET",
        "url": "http://localhost/fail/2",
        "query": {"page": "2"},
        "headers": {"host": "localhost", "user-agent": event["contexts"]["request"]["headers"]["user-agent"]},
    }
    assert event["exception"]["values"][-1]["mechanism"] == {"type": "flask", "handled": False, "exception_id": 0}
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "fail"


def test_what_the_application_handles_is_not_reported(server: ScriptedServer, client: Client, app: flask.Flask) -> None:
    assert app.test_client().get("/handled").status_code == 404
    assert app.test_client().get("/missing").status_code == 404
    assert client.flush(10)
    assert server.events == []


def test_an_exception_that_flask_passes_on_is_still_reported_once(
    server: ScriptedServer, client: Client, app: flask.Flask
) -> None:
    app.testing = True
    with pytest.raises(ValueError, match="order 1"):
        app.test_client().get("/fail/1")
    with pytest.raises(ValueError, match="while streaming"):
        app.test_client().get("/stream", buffered=True)
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["order 1", "while streaming"]
