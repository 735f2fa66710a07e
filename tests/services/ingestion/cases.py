"""Tables of wire-level cases: what is sent, what must be answered, what must be kept."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atlas_core.events import Event
from tests.services.ingestion.door import KEY, Door, Request, Response

EVENT_ID = "fc6d8c0c43fc4630ad850ee518f1b9d0"
AUTH = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=test/1.0, sentry_key={KEY}"}
Expected = dict[str, Any]


@dataclass
class Case:
    """One line of a table: `kept` holds, for every event that must be kept, the values of some of its fields."""

    name: str
    request: Request
    status: int
    kept: list[Expected]
    more: Callable[[Response], None] | None = None


def check(door: Door, case: Case) -> None:
    """Send the case's request; fail unless the answer and what is kept are exactly as the case says."""
    response = door.send(case.request)
    events = door.take()
    assert response.status == case.status, response.body[:500]
    assert [shown(event, expected) for event, expected in zip(events, case.kept, strict=True)] == case.kept
    if response.status >= 400:
        assert len(response.body) < 1_000
        assert "access-control-allow-origin" in response.headers
    if case.more:
        case.more(response)


def shown(event: Event, expected: Expected) -> Expected:
    """Return those of the event's fields that are expected, by name (`a.b` looks inside)."""
    return {name: _get(event, name) for name in expected}


def _get(value: Any, name: str) -> Any:
    for part in name.split("."):
        if isinstance(value, list):
            value = value[int(part)] if part.lstrip("-").isdecimal() else len(value)
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            value = getattr(value, part)
    return value


def native(body: Any, **more: Any) -> Request:
    """A request of the native API; `body` may be bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("/api/ingest/events", content, {"X-API-Key": KEY}, **more)


def envelope(*items: Any, header: Any = None, tail: bytes = b"", **more: Any) -> Request:
    """An envelope of items: bytes as they are, an object as an event with its length."""
    lines = [json.dumps(header if header is not None else {"event_id": EVENT_ID}).encode()]
    lines += [item if isinstance(item, bytes) else event_item(item) for item in items]
    more.setdefault("headers", dict(AUTH))
    return Request(more.pop("path", "/api/1/envelope/"), b"\n".join(lines) + tail, **more)


def event_item(payload: Any, **header: Any) -> bytes:
    """An event item with its length; `payload` may be bytes."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return item("event", content, length=len(content), **header)


def item(kind: str, content: bytes, **header: Any) -> bytes:
    """An item; it says its length only when `length` is given."""
    return json.dumps({"type": kind, **header}).encode() + b"\n" + content


def store(payload: Any, **more: Any) -> Request:
    """A request in the form of older SDKs."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    more.setdefault("headers", dict(AUTH))
    return Request(more.pop("path", "/api/1/store/"), content, **more)
