"""What the SDK sends is what the server understands: every field arrives in the server's own event."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from atlas_core.events import Event
from atlas_core.protocols import native
from atlas_sdk import Client
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer
from tests.services.ingestion.door import KEY as DOOR_KEY
from tests.services.ingestion.door import Door

PROJECT = UUID(int=1)


def fully_reported(server: ScriptedServer) -> dict[str, Any]:
    with Client(KEY, server.url, release="shop@1", environment="test", include_local_variables=True, **QUICK) as client:
        client.add_breadcrumb("before", category="step", level="warning", data={"n": 1})
        try:
            try:
                raise ValueError("cause")
            except ValueError as cause:
                raise ExceptionGroup("failed", [KeyError("k")]) from cause
        except ExceptionGroup as error:
            client.capture_error(
                error,
                level="critical",
                tags={"shop": 7},
                user={"id": "u1"},
                contexts={"order": {"lines": 3}},
                extra={"rows": [1, None, 2.5]},
                logger="shop",
                handled=False,
            )
    return server.events[0]


def test_the_server_keeps_every_field_and_has_nothing_to_mend(server: ScriptedServer) -> None:
    sent = fully_reported(server)
    event = native.parse(json.dumps(sent).encode(), PROJECT, datetime.now(UTC))
    assert event.repairs == []
    same = ("message", "level", "type", "stack_trace", "release", "environment", "server_name", "platform", "logger")
    assert {name: getattr(event, name) for name in same} == {name: sent[name] for name in same}
    facts = ("tags", "user", "contexts", "extra", "sdk")
    assert {name: getattr(event, name) for name in facts} == {name: sent[name] for name in facts}
    assert [at_a_time(crumb) for crumb in event.breadcrumbs] == [at_a_time(crumb) for crumb in sent["breadcrumbs"]]
    assert event.event_id.hex == sent["event_id"]
    assert event.timestamp == datetime.fromisoformat(sent["timestamp"])


def at_a_time(crumb: dict[str, Any]) -> dict[str, Any]:
    """A breadcrumb with its time as a time: there is more than one way to write it."""
    return crumb | {"timestamp": datetime.fromisoformat(crumb["timestamp"])}


def test_the_server_keeps_the_whole_chain(server: ScriptedServer) -> None:
    sent = fully_reported(server)["exception"]["values"]
    event = native.parse(
        json.dumps({"message": "m", "exception": {"values": sent}}).encode(), PROJECT, datetime.now(UTC)
    )
    assert [(value.type, value.value, value.module, value.handled) for value in event.exceptions] == [
        (value["type"], value["value"], value["module"], value["mechanism"]["handled"]) for value in sent
    ]
    assert [value.mechanism for value in event.exceptions] == [value["mechanism"] for value in sent]
    frames = [[frame_fields(frame) for frame in value.frames] for value in event.exceptions]
    assert frames == [value["stacktrace"]["frames"] for value in sent]
    assert sent[-1]["stacktrace"]["frames"][-1]["vars"]


def frame_fields(frame: Any) -> dict[str, Any]:
    names = ("filename", "abs_path", "function", "module", "lineno", "in_app", "pre_context", "context_line")
    return {name: getattr(frame, name) for name in (*names, "post_context", "vars")}


def test_the_largest_event_keeps_its_mappings_on_the_server(server: ScriptedServer) -> None:
    with Client(KEY, server.url, **QUICK) as client:
        for n in range(100):
            client.add_breadcrumb("ü" * 9_000, data={"x": "ü" * 9_000, "n": n})
        client.capture_message(
            "ü" * 9_000,
            extra={f"k{n}": "ü" * 9_000 for n in range(50)},
            user={"bio": "ü" * 9_000},
            tags={"t": "ü" * 2_000},
        )
    event = native.parse(json.dumps(server.events[0], ensure_ascii=False).encode(), PROJECT, datetime.now(UTC))
    assert isinstance(event, Event)
    assert event.repairs == []


def test_what_was_spooled_while_ingestion_was_silent_drains_into_it(tmp_path: Path) -> None:
    door = Door()
    client = Client(DOOR_KEY, f"http://127.0.0.1:{door.port}", spool_dir=tmp_path, timeout_s=0.1, **QUICK)
    ids = [client.capture_message(f"{n}") for n in range(250)]
    assert not client.flush(0.5)
    with door:
        client.close(60)
        assert (client.stats().sent, client.stats().dropped) == (250, {})
        kept = door.take()
    # A request that was given up may have been read all the same: once more, under the same id.
    assert {event.event_id.hex for event in kept} == set(ids)
    assert {event.message for event in kept} == {f"{n}" for n in range(250)}
    assert {event.source for event in kept} == {"api"}


def test_a_batch_is_what_the_servers_batch_route_reads(server: ScriptedServer, client: Client) -> None:
    server.gate.clear()
    ids = [client.capture_message(f"line\n{n}\u2028") for n in range(5)]
    server.gate.set()
    assert client.flush(10)
    body = b"\n".join(json.dumps(event, ensure_ascii=False).encode() for event in server.requests[-1])
    events = native.parse_batch(body, "application/x-ndjson", PROJECT, datetime.now(UTC))
    assert [event.event_id.hex for event in events if isinstance(event, Event)] == ids[-len(events) :]
