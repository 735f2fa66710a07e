"""What an application reports: Event, its Level and Frames."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec


class Level(StrEnum):
    """How bad it is; one vocabulary in all of Atlas, from mild to severe."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def severity(self) -> int:
        """Rank from 0 (debug) to 4 (critical)."""
        return _SEVERITY[self]


_SEVERITY = {level: rank for rank, level in enumerate(Level)}
_NAMED = {
    **{level.value: level for level in Level},
    "fatal": Level.CRITICAL, "crit": Level.CRITICAL, "emergency": Level.CRITICAL, "alert": Level.CRITICAL,
    "panic": Level.CRITICAL, "err": Level.ERROR, "exception": Level.ERROR, "warn": Level.WARNING,
    "log": Level.INFO, "notice": Level.INFO, "trace": Level.DEBUG, "sample": Level.DEBUG,
    "10": Level.DEBUG, "20": Level.INFO, "30": Level.WARNING, "40": Level.ERROR, "50": Level.CRITICAL,
}  # fmt: skip


def level_named(name: object) -> Level:
    """Return the level that a client means by `name`; error when it is missing or unknown."""
    return find_level(name) or Level.ERROR


def find_level(name: object) -> Level | None:
    """Return the level that a client means by `name`, or None when it is missing or unknown."""
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    return _NAMED.get(str(name).strip().lower()) if isinstance(name, str | int) else None


class Frame(msgspec.Struct, omit_defaults=True):
    """One stack frame; frames run from the outermost caller to where it was raised."""

    filename: str | None = None
    abs_path: str | None = None
    function: str | None = None
    module: str | None = None
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    pre_context: list[str] = []
    context_line: str | None = None
    post_context: list[str] = []
    vars: dict[str, Any] | None = None


class ExceptionValue(msgspec.Struct, omit_defaults=True):
    """One exception of a chain; chains run from the oldest cause to the one that was caught."""

    type: str | None = None
    value: str | None = None
    module: str | None = None
    handled: bool | None = None
    mechanism: dict[str, Any] | None = None
    frames: list[Frame] = []


class Event(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What an application reported, once; nothing downstream changes it.

    `timestamp` is the client's time (clamped), `received_at` the server's; both aware UTC. `stack_trace` is text for
    people. `repairs` names the fields that had to be mended before they could be stored; `reported_sha256` is the hex
    SHA-256 of the message as it was reported, kept only when the message had to be cut, mended or scrubbed. `raw` is
    what was reported and no other field holds: members of the payload that are unknown or had to be mended, bounded.
    """

    project_id: UUID
    event_id: UUID
    source: str
    level: Level
    message: str
    timestamp: datetime
    received_at: datetime
    type: str | None = None
    stack_trace: str = ""
    exceptions: list[ExceptionValue] = []
    platform: str | None = None
    environment: str | None = None
    release: str | None = None
    dist: str | None = None
    server_name: str | None = None
    logger: str | None = None
    transaction: str | None = None
    template: str | None = None
    user: dict[str, Any] | None = None
    tags: dict[str, str] = {}
    contexts: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    request: dict[str, Any] | None = None
    breadcrumbs: list[dict[str, Any]] = []
    fingerprint: list[str] = []
    sdk: dict[str, Any] | None = None
    repairs: list[str] = []
    reported_sha256: str | None = None
    raw: dict[str, Any] | None = None

    @property
    def title(self) -> str:
        """One line for lists: the first line of the message, with the type before it when there is one."""
        first = self.message.strip().split("\n", 1)[0]
        return f"{self.type}: {first}" if self.type and first else first or self.type or "(no message)"

    @property
    def culprit(self) -> str | None:
        """Where it broke: the innermost frame of the application, else the transaction."""
        frames = self.exceptions[-1].frames if self.exceptions else []
        frame = next((frame for frame in reversed(frames) if frame.in_app), frames[-1] if frames else None)
        if frame is None or not (frame.module or frame.filename):
            return self.transaction
        return f"{frame.module or frame.filename} in {frame.function or '?'}"


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)
