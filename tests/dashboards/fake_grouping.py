"""Similar issues, merge and unmerge over dictionaries, in the shapes of the issue service."""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

from atlas_core.errors import NotFoundError, RejectedError

Json = dict[str, Any]
ALIKE = 0.4


@dataclass
class FakeGrouping:
    """Knows which issues were merged into which; `tell` adds a line to an issue's history."""

    tell: Callable[[str, str, Json, str], object]
    merged: dict[str, tuple[Json, Json]] = field(default_factory=dict)

    def similar(self, issues: list[Json], issue: Json) -> Json:
        """Issues whose titles look alike, best first."""
        scores = [(SequenceMatcher(None, issue["title"], other["title"]).ratio(), other) for other in issues]
        found = sorted((pair for pair in scores if pair[1] is not issue and pair[0] >= ALIKE), key=lambda p: -p[0])
        names = ("id", "title", "type", "level", "status", "count", "last_seen")
        return {
            "similar": [
                {
                    "issue": {name: other[name] for name in names},
                    "score": round(score, 4),
                    "reasons": ["both say: cart"],
                }
                for score, other in found[:5]
            ]
        }

    def fingerprints(self, issue: Json) -> Json:
        """The issue's own and those merged into it."""
        parts = [part for part, into in self.merged.values() if into is issue]
        own = issue | {"count": issue["count"] - sum(part["count"] for part in parts)}
        return {"fingerprints": [_fingerprint(part) for part in (own, *parts)]}

    def merge(self, issues: list[Json], body: Json, email: str) -> Json:
        """Make issues one."""
        into = _named(issues, body["into"])
        parts = [_named(issues, issue_id) for issue_id in body["issues"]]
        if into in parts:
            raise RejectedError("an issue cannot be merged into itself")
        for part in parts:
            issues.remove(part)
            self.merged[part["fingerprint"]] = (part, into)
            self._move(into, part["count"])
        moved = sum(part["count"] for part in parts)
        told = [{"id": part["id"], "title": part["title"]} for part in parts]
        self.tell(into["id"], "merged", {"issues": told, "total": len(parts), "events": moved}, email)
        return {"issue": into, "events_moved": moved}

    def unmerge(self, issues: list[Json], issue: Json, body: Json, email: str) -> Json:
        """Give fingerprints their issues back."""
        if issue["fingerprint"] in body["fingerprints"]:
            raise RejectedError("an issue keeps at least one of its fingerprints")
        parts = [self.merged.pop(fingerprint)[0] for fingerprint in body["fingerprints"]]
        for part in parts:
            issues.append(part)
            self._move(issue, -part["count"])
        moved = sum(part["count"] for part in parts)
        told = [{"id": part["id"]} for part in parts]
        self.tell(issue["id"], "unmerged", {"issues": told, "total": len(parts), "events": moved}, email)
        return {"issue": issue, "issues": parts}

    def part_of(self, issue_id: str) -> Json | None:
        """The issue that this one was merged into."""
        return next((into for part, into in self.merged.values() if part["id"] == issue_id), None)

    def _move(self, issue: Json, count: int) -> None:
        issue["count"] += count
        issue["version"] += 1


def _named(issues: list[Json], issue_id: str) -> Json:
    found = next((issue for issue in issues if issue["id"] == issue_id), None)
    if found is None:
        raise NotFoundError("no such issue")
    return found


def _fingerprint(issue: Json) -> Json:
    example = {"event_id": str(uuid4()), "type": issue["type"], "message": issue["title"], "level": issue["level"]}
    return {
        "fingerprint": issue["fingerprint"],
        "strategy": "message",
        "created_at": issue["first_seen"],
        "count": issue["count"],
        "first_seen": issue["first_seen"],
        "last_seen": issue["last_seen"],
        "example": example | {"received_at": issue["last_seen"]},
    }
