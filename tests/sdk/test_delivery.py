import socket
import threading
import time
from typing import Any

import pytest

from atlas_sdk import Client
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, serving, unused_port

Event = dict[str, Any]


def test_an_event_goes_to_the_native_route_with_the_key(server: ScriptedServer, client: Client) -> None:
    event_id = client.capture_message("hello", "warning")
    assert client.flush(10)
    (event,) = server.events
    (headers,) = server.headers
    assert (headers["path"], headers["x-api-key"]) == ("/api/ingest/events", KEY)
    assert (event["event_id"], event["message"], event["level"]) == (event_id, "hello", "warning")
    assert (event["release"], event["environment"], event["platform"]) == ("app@1", "test", "python")
    assert event["type"] is None
    assert event["timestamp"].endswith("Z")
    assert event["sdk"]["name"] == "atlas-sdk"


def test_the_path_of_the_base_url_is_kept(server: ScriptedServer) -> None:
    with Client(KEY, server.url + "/atlas/", **QUICK) as client:
        client.capture_message("x")
    assert server.headers[0]["path"] == "/atlas/api/ingest/events"


def test_a_retry_keeps_the_event_id_and_the_order(server: ScriptedServer, client: Client) -> None:
    server.script = [(503, {}), (500, {}), (429, {"Retry-After": "0"}), (502, {"Retry-After": "soon"})]
    ids = [client.capture_message(f"m{n}") for n in range(5)]
    assert client.flush(10)
    assert [body["event_id"] for body in server.bodies] == [ids[0]] * 4 + ids
    assert client.stats().retries == 4
    assert (client.stats().sent, client.stats().queued, client.stats().dropped) == (5, 0, {})


def test_retry_after_is_honoured(server: ScriptedServer, client: Client) -> None:
    server.script = [(503, {"Retry-After": "1"})]
    started = time.monotonic()
    client.capture_message("x")
    assert client.flush(10)
    assert time.monotonic() - started >= 1
    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [400, 401, 413, 422, 301])
def test_a_refusal_for_ever_is_dropped_with_its_reason(server: ScriptedServer, client: Client, status: int) -> None:
    server.script = [(status, {})]
    client.capture_message("refused")
    client.capture_message("taken")
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["taken"]
    assert client.stats().dropped == {f"http_{status}": 1}


def test_200_is_an_acceptance_too(server: ScriptedServer, client: Client) -> None:
    server.always = 200
    client.capture_message("x")
    assert client.flush(10)
    assert client.stats().sent == 1


def test_one_event_that_breaks_the_server_does_not_hold_up_the_others_for_ever(
    server: ScriptedServer, client: Client
) -> None:
    server.script = [(500, {})] * 50
    client.capture_message("poison")
    client.capture_message("good")
    assert client.flush(30)
    assert [event["message"] for event in server.events] == ["good"]
    assert client.stats().dropped == {"http_500": 1}


def test_events_share_one_connection(server: ScriptedServer, client: Client) -> None:
    for n in range(20):
        client.capture_message(str(n))
    assert client.flush(10)
    assert len(server.connections) == 1


def test_a_connection_that_the_server_closed_while_idle_is_opened_again(server: ScriptedServer, client: Client) -> None:
    server.drop_after_answer = True
    for n in range(5):
        client.capture_message(str(n))
        assert client.flush(10)
    assert len(server.events) == 5


def test_what_waits_is_sent_in_order_when_the_server_comes_up() -> None:
    port = unused_port()
    with Client(KEY, f"http://127.0.0.1:{port}", **QUICK) as client:
        ids = [client.capture_message(str(n)) for n in range(20)]
        assert not client.flush(0.3)
        with serving(port) as server:
            assert client.flush(10)
            assert [event["event_id"] for event in server.events] == ids


def test_a_full_queue_drops_and_counts() -> None:
    client = Client(KEY, f"http://127.0.0.1:{unused_port()}", max_queue=10, **QUICK)
    for n in range(100):
        client.capture_message(str(n))
    stats = client.stats()
    assert stats.queued + stats.dropped["queue_full"] == 100
    # One event more may be in the sender's hand.
    assert stats.queued in {10, 11}
    client.close(0.1)
    assert client.stats().dropped["closed"] == stats.queued
    assert client.capture_message("late")
    assert client.stats().dropped["closed"] == stats.queued + 1


def test_a_server_that_never_answers_does_not_hold_up_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(KEY, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2, **QUICK)
        started = time.monotonic()
        for n in range(100):
            client.capture_message(str(n))
        captured_s = time.monotonic() - started
        assert not client.flush(0.5)
        client.close(0.1)
        # A hundred waits for the server would take twenty seconds.
        assert captured_s < 10


def test_threads_capture_at_once_and_every_event_arrives_once(server: ScriptedServer) -> None:
    with Client(KEY, server.url, max_queue=10_000, **QUICK) as client:
        threads = [threading.Thread(target=lambda: [client.capture_message("x") for _ in range(100)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(30)
    assert len({event["event_id"] for event in server.events}) == len(server.events) == 800


def test_before_send_changes_drops_and_may_fail(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Event | None:
        if event["message"] == "drop":
            return None
        event["message"] = "changed"
        event["event_id"] = "other"
        if "fail" in event["tags"]:
            raise LookupError("broken hook")
        return event

    with Client(KEY, server.url, before_send=before_send, **QUICK) as client:
        client.capture_message("drop")
        client.capture_message("fail", tags={"fail": 1})
        kept = client.capture_message("keep")
        assert client.flush(10)
        assert client.stats().dropped == {"before_send": 1}
        assert client.stats().before_send_errors == 1
    assert [event["message"] for event in server.events] == ["fail", "changed"]
    assert server.events[1]["event_id"] == kept


def test_before_send_that_captures_does_not_go_round(server: ScriptedServer) -> None:
    def before_send(event: Event) -> Event:
        client.capture_message("again")
        return event

    client = Client(KEY, server.url, before_send=before_send, **QUICK)
    client.capture_message("once")
    client.close(5)
    assert [event["message"] for event in server.events] == ["once"]
    assert client.stats().dropped == {"recursive": 1}


def test_what_before_send_adds_is_scrubbed(server: ScriptedServer) -> None:
    with Client(KEY, server.url, before_send=lambda event: {**event, "user": {"password": "hunter2"}}) as client:
        client.capture_message("x")
    assert server.events[0]["user"] == {"password": "[Filtered]"}


def test_a_sample_rate_of_nothing_sends_nothing_and_counts(server: ScriptedServer) -> None:
    with Client(KEY, server.url, sample_rate=0.0) as client:
        assert len(client.capture_message("x")) == 32
        assert client.stats().dropped == {"sampled": 1}
    assert server.bodies == []


def test_a_sample_rate_keeps_about_its_share() -> None:
    client = Client(KEY, f"http://127.0.0.1:{unused_port()}", sample_rate=0.5, max_queue=10_000, **QUICK)
    for _ in range(2_000):
        client.capture_message("x")
    assert 800 < client.stats().dropped["sampled"] < 1_200
    client.close(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "localhost:8081"},
        {"base_url": "ftp://host"},
        {"api_key": ""},
        {"api_key": "a\r\nb"},
        {"api_key": "schlüssel"},
        {"sample_rate": 2.0},
        {"max_queue": 0},
        {"timeout_s": 0},
    ],
)
def test_a_client_that_cannot_work_says_so_when_it_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|is 0 to 1"):
        Client(**{"api_key": KEY, **wrong})


def test_an_answer_that_is_not_http_counts_as_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:
        address = f"http://127.0.0.1:{odd.getsockname()[1]}"
        client = Client(KEY, address, timeout_s=1.0, **QUICK)
        client.capture_message("x")
        taken, _ = odd.accept()
        with taken:
            taken.recv(65_536)
            taken.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        assert not client.flush(0.2)
        assert client.stats().queued == 1
        client.close(0)
