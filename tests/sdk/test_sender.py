import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from atlas_sdk import Client
from atlas_sdk.backoff import Backoff
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, eventually, serving, unused_port

Event = dict[str, Any]


def sent_ids(server: ScriptedServer) -> list[str]:
    return [event["event_id"] for event in server.events]


def test_a_retry_keeps_the_event_id_and_the_order(server: ScriptedServer, client: Client) -> None:
    server.script = [(503, {}), (504, {}), (429, {"Retry-After": "0"}), (502, {"Retry-After": "soon"})]
    first = client.capture_message("first")
    eventually(lambda: server.requests)
    rest = [client.capture_message(f"m{n}") for n in range(5)]
    assert client.flush(10)
    assert sent_ids(server) == [first, *rest]
    assert client.stats().retries == 4
    assert (client.stats().sent, client.stats().queued, client.stats().dropped) == (6, 0, {})


@pytest.mark.slow
def test_retry_after_is_honoured(server: ScriptedServer, client: Client) -> None:
    server.script = [(503, {"Retry-After": "1"})]
    started = time.monotonic()
    client.capture_message("x")
    assert client.flush(10)
    assert time.monotonic() - started >= 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 413, 422, 301])
def test_a_refusal_for_ever_is_dropped_with_its_reason(server: ScriptedServer, client: Client, status: int) -> None:
    server.script = [(status, {})] * (2 if status == 413 else 1)
    client.capture_message("refused")
    assert client.flush(10)
    client.capture_message("taken")
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["taken"]
    assert client.stats().dropped == {f"http_{status}": 1}


def test_an_event_that_is_too_large_is_tried_once_more_without_what_makes_it_heavy(
    server: ScriptedServer, client: Client
) -> None:
    server.script = [(413, {})]
    try:
        raise ValueError("big")
    except ValueError as error:
        event_id = client.capture_error(error, extra={"table": "x" * 8_000})
    assert client.flush(10)
    (event,) = server.events
    assert (event["event_id"], event["type"], event["message"]) == (event_id, "ValueError", "big")
    assert "ValueError: big" in event["stack_trace"]
    assert not event.keys() & {"extra", "exception"}
    assert (client.stats().sent, client.stats().dropped) == (1, {})


def test_200_is_an_acceptance_too(server: ScriptedServer, client: Client) -> None:
    server.always = 200
    client.capture_message("x")
    assert client.flush(10)
    assert client.stats().sent == 1


def test_many_that_wait_go_in_batches_and_in_order(server: ScriptedServer) -> None:
    server.script = [(503, {})]
    with Client(KEY, server.url, **QUICK) as client:
        ids = [client.capture_message(str(n)) for n in range(250)]
        assert client.flush(30)
        assert client.stats().sent == 250
    assert sent_ids(server) == ids
    assert len(server.requests) < 20
    assert max(len(request) for request in server.requests) == 100
    assert {headers["content-type"] for headers in server.headers if headers["path"].endswith("/batch")} == {
        "application/x-ndjson"
    }


@contextmanager
def captured_together(server: ScriptedServer, client: Client) -> Iterator[None]:
    """Let what is captured inside wait for one event that the server takes only afterwards."""
    server.gate.clear()
    client.capture_message("before")
    eventually(lambda: server.requests)
    yield
    server.gate.set()


def test_what_a_batch_does_not_take_is_counted(server: ScriptedServer, client: Client) -> None:
    server.refuses = lambda event: event["message"] == "odd"
    with captured_together(server, client):
        for message in ("a", "odd", "b"):
            client.capture_message(message)
    assert client.flush(10)
    assert (client.stats().sent, client.stats().dropped) == (3, {"rejected": 1})
    assert [len(request) for request in server.requests] == [1, 3]


@pytest.mark.parametrize("status", [400, 404, 413, 500])
def test_a_batch_that_is_refused_is_sent_one_by_one(server: ScriptedServer, client: Client, status: int) -> None:
    server.script = [(202, {}), (status, {})]
    with captured_together(server, client):
        for message in ("a", "b", "c"):
            client.capture_message(message)
    assert client.flush(10)
    assert (client.stats().sent, client.stats().dropped) == (4, {})
    assert [len(request) for request in server.requests] == [1, 3, 1, 1, 1]
    assert [event["message"] for event in server.events] == ["before", "a", "b", "c"]


@pytest.mark.slow
def test_one_event_that_breaks_the_server_does_not_hold_up_the_others_for_ever(
    server: ScriptedServer, client: Client
) -> None:
    server.breaks = lambda event: event["message"] == "poison"
    client.capture_message("poison")
    client.capture_message("good")
    assert client.flush(30)
    assert [event["message"] for event in server.events] == ["good"]
    assert client.stats().dropped == {"http_500": 1}


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_a_server_that_is_away_for_long_costs_no_event(server: ScriptedServer, status: int) -> None:
    server.script = [(status, {})] * 55
    client = Client(KEY, server.url, retry_first_s=0.001, retry_max_s=0.001)
    client.capture_message("patient")
    client.close(30)
    assert [event["message"] for event in server.events] == ["patient"]
    assert client.stats().retries == 55


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
            assert sent_ids(server) == ids


@pytest.mark.slow
def test_an_outage_of_ten_minutes_costs_nothing_and_is_not_hammered(tmp_path: Path) -> None:
    # A second here is ten minutes there: every wait is 600 times shorter than its default.
    waits = {"retry_first_s": 0.5 / 600, "retry_max_s": 30 / 600}
    port = unused_port()
    with Client(KEY, f"http://127.0.0.1:{port}", spool_dir=tmp_path, max_queue=50, **waits) as client:
        until = time.monotonic() + 1
        ids = []
        while time.monotonic() < until:
            ids.append(client.capture_message(str(len(ids))))
            time.sleep(0.005)
        retries = client.stats().retries
        with serving(port) as server:
            assert client.flush(30)
            assert sent_ids(server) == ids
        assert client.stats().dropped == {}
    assert len(ids) > 50
    # Ten doublings, then between half and the whole of the longest wait.
    assert 5 < retries <= 10 + 2 * 1 / waits["retry_max_s"]


def test_waits_double_up_to_the_longest_and_never_undercut_the_server() -> None:
    backoff = Backoff(0.5, 30)
    for failures in range(1, 2_000):
        full = min(30.0, 0.5 * 2 ** min(failures - 1, 30))
        assert full / 2 <= backoff.delay_s(failures, 0) <= full
        assert backoff.delay_s(failures, 45) >= 45


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
    assert client.stats().queued == 0


def test_a_later_event_tells_what_was_lost_before(server: ScriptedServer) -> None:
    with Client(KEY, server.url, before_send=lambda event: None if event["message"] == "a" else event) as client:
        client.capture_message("a")
        client.capture_message("b")
    assert server.events[0]["sdk"]["dropped"] == {"before_send": 1}


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


def test_events_reach_the_spool_while_the_server_is_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(KEY, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=60, spool_dir=tmp_path)
        client.capture_message("first")
        taken, _ = silent.accept()
        for n in range(5):
            client.capture_message(str(n))
        eventually(lambda: len(list(tmp_path.rglob("*.json"))) == 6)
        taken.close()
        client.close(0)


def test_threads_capture_at_once_and_every_event_arrives_once(server: ScriptedServer) -> None:
    with Client(KEY, server.url, max_queue=10_000, **QUICK) as client:
        threads = [threading.Thread(target=lambda: [client.capture_message("x") for _ in range(100)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush(30)
    assert len(set(sent_ids(server))) == len(server.events) == 800


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


def test_a_process_without_a_thread_to_give_keeps_the_event_for_the_next_try(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    client = Client(KEY, server.url, **QUICK)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        client.capture_message("kept")
    client.capture_message("next")
    client.close(10)
    assert [event["message"] for event in server.events] == ["kept", "next"]
