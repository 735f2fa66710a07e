import gc
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from atlas_sdk import Client, Scope
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer, unused_port

Event = dict[str, Any]


@pytest.fixture
def away() -> Iterator[Client]:
    """A client whose server is not there."""
    client = Client(KEY, f"http://127.0.0.1:{unused_port()}", max_queue=10_000, **QUICK)
    yield client
    client.close(0)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_an_event_goes_to_the_native_route_with_the_key(server: ScriptedServer, client: Client) -> None:
    event_id = client.capture_message("hello", "warning")
    assert client.flush(10)
    (event,) = server.events
    (headers,) = server.headers
    assert (headers["path"], headers["x-api-key"]) == ("/api/ingest/events", KEY)
    assert headers["content-type"] == "application/json"
    assert (event["event_id"], event["message"], event["level"]) == (event_id, "hello", "warning")
    assert (event["release"], event["environment"], event["platform"]) == ("app@1", "test", "python")
    assert event["type"] is None
    assert event["timestamp"].endswith("Z")
    assert event["sdk"] == {"name": "atlas-sdk", "version": "0.1.0"}


def test_the_path_of_the_base_url_is_kept(server: ScriptedServer) -> None:
    with Client(KEY, server.url + "/atlas/", **QUICK) as client:
        client.capture_message("x")
    assert server.headers[0]["path"] == "/atlas/api/ingest/events"


def test_an_error_is_reported_with_all_that_was_said_about_it(server: ScriptedServer, client: Client) -> None:
    error = raised(LookupError("no such order"))
    client.capture_error(
        error,
        level="fatal",
        tags={"shop": 7},
        user={"id": "u1"},
        contexts={"order": {"lines": 3}},
        extra={"retries": [1, 2]},
        logger="shop.orders",
    )
    assert client.flush(10)
    (event,) = server.events
    assert (event["type"], event["message"], event["level"]) == ("LookupError", "no such order", "critical")
    assert (event["tags"], event["user"], event["logger"]) == ({"shop": "7"}, {"id": "u1"}, "shop.orders")
    assert event["contexts"]["order"] == {"lines": 3}
    assert event["contexts"]["runtime"]["name"] == "cpython"
    assert event["extra"] == {"retries": [1, 2]}
    assert "in raised\n    raise error\n" in event["stack_trace"]
    (value,) = event["exception"]["values"]
    assert value["mechanism"] == {"type": "generic", "handled": True, "exception_id": 0}


def test_without_an_argument_the_exception_being_handled_is_reported(server: ScriptedServer, client: Client) -> None:
    try:
        raise KeyError("k")
    except KeyError:
        client.capture_error()
    client.capture_error()
    assert client.flush(10)
    assert [event["type"] for event in server.events] == ["KeyError"]
    assert client.stats().dropped == {"no_exception": 1}


def test_an_exception_is_reported_once_to_those_who_ask_for_it(server: ScriptedServer, client: Client) -> None:
    error = raised(ValueError("x"))
    first = client.capture_error(error)
    assert client.capture_error(error, once=True) == first
    assert client.capture_error(error) != first
    assert client.flush(10)
    assert client.stats().dropped == {"duplicate": 1}
    assert len(server.events) == 2


def test_what_a_scope_is_told_stays_in_it(server: ScriptedServer, client: Client) -> None:
    client.set_tag("process", "worker")
    with client.scope() as scope:
        client.set_tag("request", "r1")
        client.set_user({"id": "u1"})
        client.set_context("job", {"n": 1})
        client.set_extra("rows", [1])
        client.add_breadcrumb("clicked", category="ui", data={"button": "buy"})
        scope.set_tag("direct", 1)
        client.capture_message("inside")
    client.capture_message("outside")
    with client.scope(scope):
        client.capture_message("again")
    assert client.flush(10)
    inside, outside, again = server.events
    assert inside["tags"] == {"process": "worker", "request": "r1", "direct": "1"} == again["tags"]
    assert (inside["user"], inside["contexts"]["job"], inside["extra"]) == ({"id": "u1"}, {"n": 1}, {"rows": [1]})
    (step,) = inside["breadcrumbs"]
    assert (step["message"], step["category"], step["data"]) == ("clicked", "ui", {"button": "buy"})
    assert (outside["tags"], outside["user"], outside["breadcrumbs"]) == ({"process": "worker"}, {}, [])


def test_threads_do_not_share_a_scope(server: ScriptedServer, client: Client) -> None:
    both = threading.Barrier(2, timeout=10)

    def work(name: str) -> None:
        with client.scope():
            client.set_tag("worker", name)
            both.wait()
            client.capture_message(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)
    assert {event["message"]: event["tags"] for event in server.events} == {
        "a": {"worker": "a"},
        "b": {"worker": "b"},
    }


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("not today")

    __repr__ = __str__

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no message")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def test_nothing_that_a_host_hands_over_raises_into_it(server: ScriptedServer, client: Client) -> None:
    odd: Any = Hostile()
    client.set_tag(odd, odd)
    client.set_user(odd)
    client.set_context("c", odd)
    client.set_extra("e", {"x": odd, 3: {odd.__class__}})
    client.add_breadcrumb(odd, category=odd, level=odd, data={"x": odd})
    client.capture_message(odd, odd, tags=odd, user=odd, contexts=odd, extra=odd, logger=odd)
    client.capture_error(raised(HostileError()), once=True, level=odd, tags={"t": odd})
    client.capture_error(odd)
    client.capture_message("lone \ud800 and NUL \0")
    assert client.flush(10)
    messages = [event["message"] for event in server.events]
    assert messages == ["<unprintable Hostile>", "<unprintable HostileError>", "lone \\ud800 and NUL \ufffd"]
    assert client.stats().dropped == {"sdk_error": 1}


def test_a_message_that_captures_while_it_is_read_does_not_go_round(server: ScriptedServer, client: Client) -> None:
    class Chatty:
        def __str__(self) -> str:
            client.capture_message("again")
            return "once"

    message: Any = Chatty()
    client.capture_message(message)
    assert client.flush(10)
    assert [event["message"] for event in server.events] == ["once"]
    assert client.stats().dropped == {"recursive": 1}


def test_what_the_collector_frees_in_the_sdks_own_thread_is_reported_too(server: ScriptedServer) -> None:
    # An asyncio task that failed, and that nobody awaited, tells so when it is freed, in whatever thread that is.
    class Failed:
        def __init__(self) -> None:
            self.ring = self

        def __del__(self) -> None:
            freed_in.append(threading.current_thread().name)
            client.capture_message("freed")

    def before_send(event: Event) -> Event:
        gc.set_threshold(10)
        gc.enable()
        return event

    before = gc.get_threshold()
    freed_in: list[str] = []
    client = Client(KEY, server.url, before_send=before_send, **QUICK)
    gc.disable()
    try:
        Failed()
        client.capture_message("first")
        client.close(10)
    finally:
        gc.set_threshold(*before)
        gc.enable()
    assert freed_in == ["atlas-sdk"]
    assert [event["message"] for event in server.events] == ["first", "freed"]


def test_the_block_of_a_client_reports_what_leaves_it(server: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="left"), Client(KEY, server.url, **QUICK):
        raise ValueError("left")
    (event,) = server.events
    assert event["exception"]["values"][0]["mechanism"]["handled"] is False


def test_a_sample_rate_of_nothing_sends_nothing_and_counts(server: ScriptedServer) -> None:
    with Client(KEY, server.url, sample_rate=0.0) as client:
        assert len(client.capture_message("x")) == 32
        assert client.stats().dropped == {"sampled": 1}
    assert server.requests == []


def test_a_sample_rate_keeps_about_its_share_and_leaves_the_hosts_random_numbers_alone() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    client = Client(KEY, f"http://127.0.0.1:{unused_port()}", sample_rate=0.5, max_queue=10_000, **QUICK)
    for _ in range(2_000):
        client.capture_message("x")
    assert 800 < client.stats().dropped["sampled"] < 1_200
    client.close(0)
    assert random.random() == expected


def test_flush_says_whether_all_is_sent(client: Client, away: Client) -> None:
    assert client.flush(0)
    away.capture_message("x")
    assert not away.flush(0.05)


def test_close_may_be_called_twice_and_flush_after_it(client: Client) -> None:
    client.capture_message("x")
    client.close(10)
    client.close(10)
    assert client.flush(0)
    assert client.stats().sent == 1


def test_a_scope_alone_is_public() -> None:
    scope = Scope()
    scope.set_tag("a", 1)
    assert Scope(scope).tags == {"a": "1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "localhost:8081"},
        {"base_url": "ftp://host"},
        {"base_url": "http://host:port"},
        {"api_key": ""},
        {"api_key": "a\r\nb"},
        {"api_key": "schlüssel"},
        {"sample_rate": 2.0},
        {"max_queue": 0},
        {"timeout_s": 0},
        {"spool_max_bytes": -1},
        {"exit_timeout_s": -1},
    ],
)
def test_a_client_that_cannot_work_says_so_when_it_is_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|is 0 to 1|Port could not"):
        Client(**{"api_key": KEY, **wrong})
