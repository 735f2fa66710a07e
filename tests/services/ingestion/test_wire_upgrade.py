"""Clients that would rather speak another protocol, or say no more: their requests are answered all the same."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services.ingestion.cases import native
from tests.services.ingestion.door import KEY, Door, Request

OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}  # fmt: skip
JAVA = """
import java.net.URI;
import java.net.http.*;
public class Report {
    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).header("X-API-Key", arguments[1])
            .POST(HttpRequest.BodyPublishers.ofString("{\\"message\\":\\"java\\"}")).build();
        HttpClient client = HttpClient.newHttpClient();
        for (int n = 0; n < 2; n++)
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
    }
}
"""


def offering(message: str = "boom", **more: object) -> Request:
    request = native({"message": message}, **more)
    request.headers = request.headers | OFFER
    return request


def kept(door: Door) -> list[str]:
    return [event.message for event in door.take()]


@pytest.mark.parametrize("connection", ["Upgrade, HTTP2-Settings", "keep-alive, upgrade", "Upgrade,http2-settings"])
@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0"])
def test_an_offered_upgrade_is_ignored_and_the_connection_kept(door: Door, connection: str, upgrade: str):
    request = offering()
    request.headers |= {"Connection": connection, "Upgrade": upgrade}
    with door.connection() as wire:
        for _ in range(2):
            wire.write(request.head() + request.payload())
            assert wire.read().status == 202
    assert kept(door) == ["boom", "boom"]


def test_the_body_may_come_later_and_in_pieces(door: Door):
    request = offering()
    with door.connection() as wire:
        for piece in (request.head()[:90], request.head()[90:], request.body[:5], request.body[5:]):
            door.send(Request("/healthz", method="GET"))  # the piece before has arrived by now
            wire.write(piece)
        assert wire.read().status == 202
    assert kept(door) == ["boom"]


def test_requests_in_one_segment_are_each_answered_in_order(door: Door):
    requests = [native({"message": "0"}), offering("1"), offering("2", chunks=[b'{"mess', b'age":"2"}']), offering("3"),
                native({"message": "4"})]  # fmt: skip
    with door.connection() as wire:
        wire.write(b"".join(request.head() + request.payload() for request in requests))
        assert [wire.read().status for _ in requests] == [202] * 5
    assert kept(door) == ["0", "1", "2", "3", "4"]


def test_many_offers_in_one_segment_are_taken(door: Door):
    request = Request("/none", headers=OFFER, method="GET").head()
    with door.connection() as wire:
        wire.write(request * 250)
        assert [wire.read().status for _ in range(250)] == [404] * 250


def test_many_requests_in_one_segment_are_no_headers_that_are_too_large(door: Door):
    requests = [native({"message": "boom", "stack_trace": "x" * 40_000})] * 3 + [Request("/none")] * 900
    whole = b"".join(request.head() + request.payload() for request in requests)
    with door.connection() as wire:
        for part in (whole[:-30], whole[-30:]):
            wire.write(part)
        assert [wire.read().status for _ in requests] == [202] * 3 + [404] * 900
    assert len(kept(door)) == 3


def test_what_is_said_beside_the_offer_still_holds(door: Door):
    request = offering()
    request.headers["Connection"] = "Upgrade, close"
    with door.connection() as wire:
        wire.write(request.head() + request.payload())
        answer = wire.read()
        assert (answer.status, answer.headers["connection"]) == (202, "close")
        assert wire.is_closed()


def test_an_offer_with_a_body_that_is_too_large_is_refused_like_any(door: Door):
    request = offering()
    with door.connection() as wire:
        wire.write(request.head().replace(b"Content-Length: %d" % len(request.body), b"Content-Length: 99999999"))
        assert wire.read().status == 413


@pytest.mark.parametrize("count", [1, 3])
def test_a_client_that_closes_its_half_after_whole_requests_is_answered(door: Door, count: int):
    request = native({"message": "boom"})
    with door.connection() as wire:
        wire.write((request.head() + request.payload()) * count)
        wire.socket.shutdown(1)
        assert [wire.read().status for _ in range(count)] == [202] * count
        assert wire.is_closed()
    assert kept(door) == ["boom"] * count


@pytest.mark.live
def test_curl_that_offers_http2_is_answered(door: Door):
    curl = program("curl")
    said = subprocess.run(
        [curl, "-s", "--http2", "-m", "20", "-H", f"X-API-Key: {KEY}", "-d", '{"message":"curl"}', url(door)],
        capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(said.stdout)["status"] == "Queued message"
    assert kept(door) == ["curl"]


@pytest.mark.live
def test_javas_own_client_is_answered(door: Door, tmp_path: Path):
    java = program("java")
    source = tmp_path / "Report.java"
    source.write_text(JAVA)
    said = subprocess.run([java, str(source), url(door), KEY], capture_output=True, check=True, timeout=60)
    assert said.stdout.split() == [b"202", b"202"]
    assert kept(door) == ["java", "java"]


def program(name: str) -> str:
    """Where a client is; CI must have it."""
    if path := shutil.which(name):
        return path
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every client: {name} is missing")
    pytest.skip(f"NOT TESTED: {name} is missing")


def url(door: Door) -> str:
    return f"http://127.0.0.1:{door.port}/api/ingest/events"
