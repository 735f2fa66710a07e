from typing import Any

from atlas_sdk import Client
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer

Event = dict[str, Any]


def test_before_send_changes_and_drops(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Event | None:
        if event["message"] == "drop":
            return None
        return {**event, "message": "changed", "event_id": "other", "fingerprint": ["mine"]}

    with Client(KEY, server.url, before_send=before_send, **QUICK) as client:
        client.capture_message("drop")
        kept = client.capture_message("keep")
        assert client.flush(10)
        assert client.stats().dropped == {"before_send": 1}
    (event,) = server.events
    assert (event["message"], event["event_id"], event["fingerprint"]) == ("changed", kept, ["mine"])


def test_what_before_send_failed_on_does_not_leave_the_process(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Any:
        if event["message"] == "raises":
            raise LookupError("broken hook")
        return "no event" if event["message"] == "nonsense" else event

    with Client(KEY, server.url, before_send=before_send, **QUICK) as client:
        client.capture_message("raises")
        client.capture_message("nonsense")
        client.capture_message("fine")
        assert client.flush(10)
        assert client.stats().dropped == {"before_send_error": 2}
    assert [event["message"] for event in server.events] == ["fine"]


def test_before_send_that_captures_does_not_go_round(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Event:
        client.capture_message("again")
        return event

    client = Client(KEY, server.url, before_send=before_send, **QUICK)
    client.capture_message("once")
    client.close(5)
    assert [event["message"] for event in server.events] == ["once"]
    assert client.stats().dropped == {"recursive": 1}


def test_what_before_send_adds_is_scrubbed_and_made_plain(server: ScriptedServer) -> None:
    added = {"user": {"password": "hunter2"}, "extra": {"when": object, "nan": float("nan")}}
    with Client(KEY, server.url, before_send=lambda event: {**event, **added}, **QUICK) as client:
        client.capture_message("x")
    (event,) = server.events
    assert event["user"] == {"password": "[Filtered]"}
    assert event["extra"] == {"when": "<class 'object'>", "nan": "nan"}


def test_before_send_has_a_copy_of_its_own(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Event:
        event["tags"]["shared"] = "changed"
        event["user"]["id"] = "changed"
        return event

    with Client(KEY, server.url, before_send=before_send, **QUICK) as client:
        client.set_tag("shared", "mine")
        client.set_user({"id": "u1"})
        with client.scope() as scope:
            client.capture_message("a")
            assert client.flush(10)
        assert (scope.tags, scope.user) == ({"shared": "mine"}, {"id": "u1"})
    assert (server.events[0]["tags"], server.events[0]["user"]) == ({"shared": "changed"}, {"id": "changed"})
