"""An event: a small draft where the error is, the JSON object of the wire in the sender's thread."""

import json
import os
import platform
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias

from atlas_sdk.exceptions import Caught, exception_data
from atlas_sdk.guard import attempt
from atlas_sdk.text import TEXT_CHARACTERS, cut, storable, time_text
from atlas_sdk.tracebacks import traceback_text
from atlas_sdk.version import VERSION

Event: TypeAlias = dict[str, Any]

# The server takes 1 MiB.
_BODY_BYTES: Final = 900_000
_LEVELS: Final = {"debug", "info", "warning", "error", "critical"}
_OTHER_LEVELS: Final = {"warn": "warning", "fatal": "critical"}


@dataclass(slots=True)
class Draft:
    """What is known when an event is captured; everything in it is plain and belongs to the SDK."""

    event_id: str
    level: str
    message: str
    at: datetime
    caught: list[Caught]
    mechanism: str
    handled: bool
    tags: dict[str, str]
    user: dict[str, Any]
    contexts: dict[str, Any]
    breadcrumbs: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Origin:
    """What all events of a client share."""

    release: str | None
    environment: str | None


def level_of(level: object) -> str:
    """Return one of the five levels; one that Atlas does not have counts as an error."""
    name = str(level).lower()
    name = _OTHER_LEVELS.get(name, name)
    return name if name in _LEVELS else "error"


def event_of(draft: Draft, origin: Origin) -> Event:
    """Return the event as the wire has it."""
    raised = draft.caught[0] if draft.caught else None
    event: Event = {
        "event_id": draft.event_id,
        "level": draft.level,
        "message": draft.message or (raised.type if raised else "(no message)"),
        "stack_trace": traceback_text(draft.caught) if draft.caught else "",
        "timestamp": time_text(draft.at),
        "type": raised.type if raised else None,
        "breadcrumbs": draft.breadcrumbs,
        "tags": draft.tags,
        "user": draft.user,
        "contexts": {**_machine(), **draft.contexts},
        "release": origin.release,
        "environment": origin.environment,
        "server_name": _server_name(),
        "platform": "python",
        "sdk": {"name": "atlas-sdk", "version": VERSION},
    }
    if draft.caught:
        event["exception"] = exception_data(draft.caught, draft.mechanism, handled=draft.handled)
    return event


def body_of(event: Event) -> bytes:
    """Return the event as JSON that the server takes: longer texts are cut, then whole parts are left out."""
    event = _cut_texts(event)
    body = _json(event)
    for smaller in _SMALLER:
        if len(body) <= _BODY_BYTES:
            break
        smaller(event)
        body = _json(event)
    return body


def _json(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _cut_texts(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return value if name == "stack_trace" else cut(value, TEXT_CHARACTERS)
    if isinstance(value, dict):
        return {key: _cut_texts(child, key) for key, child in value.items()}
    return [_cut_texts(child) for child in value] if isinstance(value, list) else value


def _frames(event: Event) -> list[dict[str, Any]]:
    values = event.get("exception", {}).get("values", [])
    return [frame for value in values for frame in value.get("stacktrace", {}).get("frames", [])]


def _without_variables(event: Event) -> None:
    for frame in _frames(event):
        frame.pop("vars", None)


def _without_source(event: Event) -> None:
    for frame in _frames(event):
        frame["pre_context"], frame["post_context"] = [], []


def _without_stories(event: Event) -> None:
    event["breadcrumbs"], event["contexts"], event["user"] = [], {}, {}


def _only_the_message(event: Event) -> None:
    for name in ("exception", "tags"):
        event.pop(name, None)
    event["stack_trace"] = str(event.get("stack_trace"))[-TEXT_CHARACTERS:]
    for name in set(event) - {"event_id", "level", "message", "stack_trace", "timestamp", "type", "platform", "sdk"}:
        del event[name]


_SMALLER: Final[tuple[Callable[[Event], None], ...]] = (
    _without_variables,
    _without_source,
    _without_stories,
    _only_the_message,
)


@cache
def _server_name() -> str:
    return attempt(lambda: storable(socket.gethostname()), lambda: "")


@cache
def _machine() -> dict[str, dict[str, str]]:
    runtime = {"name": sys.implementation.name, "version": platform.python_version()}
    return {"runtime": runtime, "os": {"name": platform.system() or os.name, "version": platform.release()}}
