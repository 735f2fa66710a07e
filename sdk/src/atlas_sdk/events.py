"""An event: a small draft where the error is, the JSON object of the wire in the sender's thread."""

import os
import platform
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias

from atlas_sdk.exceptions import Caught, exception_data
from atlas_sdk.guard import attempt
from atlas_sdk.scope import Scope
from atlas_sdk.text import storable, time_text
from atlas_sdk.tracebacks import traceback_text
from atlas_sdk.version import VERSION

Event: TypeAlias = dict[str, Any]
SDK_NAME: Final = "atlas-sdk"


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
    logger: str | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class Origin:
    """What all events of a client share."""

    release: str | None
    environment: str | None


def event_of(draft: Draft, origin: Origin, dropped: Mapping[str, int]) -> Event:
    """Return the event as the wire has it; `dropped` tells the reader what else was lost so far, by reason."""
    raised = draft.caught[0] if draft.caught else None
    event: Event = {
        "event_id": draft.event_id,
        "level": draft.level,
        "message": draft.message or (raised.type if raised else "(no message)"),
        "stack_trace": traceback_text(draft.caught) if draft.caught else "",
        "timestamp": time_text(draft.at),
        "type": raised.type if raised else None,
        "logger": draft.logger,
        "breadcrumbs": list(draft.scope.breadcrumbs),
        "tags": draft.scope.tags,
        "user": draft.scope.user,
        "contexts": {**_machine(), **draft.scope.contexts},
        "extra": draft.scope.extra,
        "release": origin.release,
        "environment": origin.environment,
        "server_name": _server_name(),
        "platform": "python",
        "sdk": {"name": SDK_NAME, "version": VERSION, **({"dropped": dict(dropped)} if dropped else {})},
    }
    if draft.caught:
        event["exception"] = exception_data(draft.caught, draft.mechanism, handled=draft.handled)
    return event


@cache
def _server_name() -> str:
    return attempt(lambda: storable(socket.gethostname()), lambda: "")


@cache
def _machine() -> dict[str, dict[str, str]]:
    runtime = {"name": sys.implementation.name, "version": platform.python_version()}
    return {"runtime": runtime, "os": {"name": platform.system() or os.name, "version": platform.release()}}
