"""Type and crash site of the exception and of all that led to it. Frozen as version 1.

Lines, paths and addresses do not count, nor who called the function that raised: middleware, async wrappers, decorators
and the depth of a recursion come and go. Measured on real crashes in `tests/unit/grouping/test_crashes.py`.
"""

import hashlib
from typing import Any, Final

import msgspec

from atlas_core.events import Event, ExceptionValue
from atlas_core.grouping import normalized
from atlas_core.grouping.crash_sites import crash_sites

NAME: Final = "stacktrace"

_GROUPS: Final = ("ExceptionGroup", "BaseExceptionGroup")


class Crash(msgspec.Struct, frozen=True, order=True):
    """One exception of a chain: what, where, and what led to it."""

    type: str
    sites: list[str]
    origins: list["Crash"] = []


def fingerprint(event: Event) -> bytes:
    """Return the SHA-256 (32 bytes) of the event's crashes; that of `normalized` when no exception has a frame."""
    found = crashes(event)
    if not found:
        return normalized.fingerprint(event)
    return hashlib.sha256(msgspec.json.encode(found)).digest()


def crashes(event: Event) -> list[Crash]:
    """Return what was caught, each with its causes; empty when no exception of the event has a frame.

    A group of exceptions is its members, each kind once, in any number: a bug is the same alone and in a group.
    """
    if not any(value.frames for value in event.exceptions):
        return []
    return _Chain(event.exceptions).caught()


def explain(event: Event) -> list[str]:
    """Return how the fingerprint came about, a line for each step."""
    found = crashes(event)
    if not found:
        return ["no exception has a stack: type and message count", *normalized.explain(event)]
    return [line for crash in found for line in _lines(crash, "crash")]


def _lines(crash: Crash, what: str) -> list[str]:
    where = " and ".join(crash.sites) or "an unknown place"
    return [
        f"{what}: {crash.type or '(no type)'} in {where}",
        *(line for origin in crash.origins for line in _lines(origin, "led to by")),
    ]


class _Chain:
    """The exceptions of an event as a tree: by the ids of their mechanisms, else each the cause of the next."""

    def __init__(self, values: list[ExceptionValue]) -> None:
        self._values = values
        self._origins: dict[int, list[int]] = {}
        mechanisms = [value.mechanism or {} for value in values]
        place = {_number(mechanism, "exception_id"): n for n, mechanism in enumerate(mechanisms)}
        for n, mechanism in enumerate(mechanisms[:-1]):
            parent_id = _number(mechanism, "parent_id")
            parent = 0 if parent_id is None else place.get(parent_id, 0)
            self._origins.setdefault(parent if parent > n else n + 1, []).append(n)

    def caught(self) -> list[Crash]:
        return self._crashes(len(self._values) - 1)

    def _crashes(self, n: int) -> list[Crash]:
        value = self._values[n]
        origins = self._distinct(self._origins.get(n, []))
        if origins and (value.type in _GROUPS or (value.mechanism or {}).get("is_exception_group") is True):
            return origins
        crash = Crash(value.type or "", crash_sites(value), origins)
        return self._without_repeats(crash)

    def _distinct(self, numbers: list[int]) -> list[Crash]:
        found: list[Crash] = []
        for n in numbers:
            found.extend(crash for crash in self._crashes(n) if crash not in found)
        return sorted(found)

    def _without_repeats(self, crash: Crash) -> list[Crash]:
        """Return one crash for an exception that was raised again from itself, as retries do."""
        for origin in crash.origins:
            if (origin.type, origin.sites) == (crash.type, crash.sites):
                return [origin]
        return [crash]


def _number(mechanism: dict[str, Any], name: str) -> int | None:
    number = mechanism.get(name)
    return number if isinstance(number, int) else None
