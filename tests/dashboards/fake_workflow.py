"""The issue service's workflow over dictionaries: its own bodies and rules, its answers in their shapes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from atlas_core.actions import UNDOABLE, Before, Edit, Handling, Scene, after_edit, changes, restored
from atlas_core.errors import AtlasError, ConflictError, RejectedError
from atlas_core.workflow import Standing
from services.http import error_answer, invalid_answer
from services.issues.workflow_bodies import BulkChanges, Discard, IssueChanges, NewComment
from tests.dashboards.fake_data import an_id
from tests.dashboards.fake_grouping import FakeGrouping

Json = dict[str, Any]
Answer = tuple[int, Json]
A = TypeVar("A")
NO_ISSUE: Answer = (404, {"error": "no such issue"})
_STANDING = tuple(name for name in Standing.__struct_fields__ if name != "episode")


def answered(work: Callable[[], A]) -> A | Answer:
    """What `work` answers, or the answer that services give for the error it raises."""
    try:
        return work()
    except AtlasError as error:
        answer = error_answer(error)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        answer = invalid_answer(RequestValidationError(problems))
    return answer.status_code, json.loads(answer.body)


@dataclass
class FakeWorkflow:
    """Edits, undo, comments and history; `people` are the emails of the members."""

    people: list[str]
    activity: dict[str, list[Json]] = field(default_factory=dict)
    befores: dict[str, list[tuple[str, Before]]] = field(default_factory=dict)
    audit: list[Json] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.grouping = FakeGrouping(lambda *told: self._tell(*told, str(uuid4())))

    def answer(self, method: str, parts: list[str], issues: list[Json], email: str, body: Json) -> Answer | None:
        """The answer, or None when it is no route of the workflow; `body` is a GET's query."""
        if parts[:1] == ["issues"] and len(parts) > 1:
            grouped = answered(lambda: self._grouped([method, *parts[1:]], issues, email, body))
            if grouped:
                return grouped
        about = [issue for issue in issues if issue["id"] in parts]
        if method != "GET" and "issues" in parts and "bulk" not in parts and not about:
            return NO_ISSUE
        return answered(lambda: self._routed([method, *parts], about or issues, email, body))

    def _routed(  # noqa: PLR0911 - one return a route
        self, route: list[str], issues: list[Json], email: str, body: Json
    ) -> Answer | None:
        match route:
            case ["GET", "members"]:
                return 200, {"members": [self.member(email) | {"role": "member"} for email in self.people]}
            case ["POST", "issues", "bulk"]:
                return self._edit_all(BulkChanges(**body), issues, email)
            case ["PATCH", "issues", _]:
                return self.edit(issues[0], IssueChanges(**body), email)
            case ["GET", "audit"]:
                return 200, {"audit": self.audit, "next_cursor": None}
            case ["POST", "issues", _, "discard"]:
                return self.discard(issues[0], Discard(**body).version, email)
            case ["POST", "actions", action_id, "undo"]:
                return self._undo(action_id, issues, email)
            case ["GET", "issues", issue_id, "activity"]:
                entries, limit = self.activity.get(issue_id, []), int(body["limit"])
                more = str(entries[limit - 1]["id"]) if len(entries) > limit else None
                return 200, {"activity": entries[:limit], "next_cursor": more}
            case ["POST", "issues", issue_id, "comments"]:
                return self._comment(issue_id, NewComment(**body).text, email)
        return None

    def _grouped(self, route: list[str], issues: list[Json], email: str, body: Json) -> Answer | None:
        issue = next((known for known in issues if known["id"] == route[1]), None)
        match route:
            case ["POST", "merge"]:
                return 200, self.grouping.merge(issues, body, email)
            case ["GET", _, "similar"] if issue:
                return 200, self.grouping.similar(issues, issue)
            case ["GET", _, "fingerprints"] if issue:
                return 200, self.grouping.fingerprints(issue)
            case ["POST", _, "unmerge"] if issue:
                return 200, self.grouping.unmerge(issues, issue, body, email)
            case ["GET", issue_id] if into := self.grouping.part_of(issue_id):
                return 200, {"issue": into}
        return None

    def member(self, email: str) -> Json:
        """A person as the history names them."""
        return {"id": an_id(email), "email": email}

    def edit(self, issue: Json, body: IssueChanges, email: str) -> Answer:
        """Edit an issue as this person."""
        action_id = self._edited(issue, body.version, body.edit(), email, str(uuid4()))
        return 200, {"issue": issue, "action_id": action_id}

    def _edit_all(self, body: BulkChanges, issues: list[Json], email: str) -> Answer:
        asked = [issue for issue in issues if UUID(issue["id"]) in body.issues]
        if len(asked) < len(body.issues):
            return NO_ISSUE
        versions = {issue["id"]: body.issues[UUID(issue["id"])] for issue in asked}
        for issue in asked:
            self._require(issue, versions[issue["id"]])
        action_id = str(uuid4())
        made = [self._edited(issue, versions[issue["id"]], body.edit(), email, action_id) for issue in asked]
        told = {"changed": sum(map(bool, made)), "versions": {issue["id"]: issue["version"] for issue in asked}}
        return 200, told | {"action_id": action_id if any(made) else None}

    def discard(self, issue: Json, version: int | None, email: str) -> Answer:
        """Discard an issue as this person."""
        action_id = self._edited(issue, version, Edit(discard=True), email, str(uuid4()))
        return 200, {"action_id": action_id, "changed": 1, "versions": {issue["id"]: issue["version"]}}

    def _edited(self, issue: Json, version: int | None, edit: Edit, email: str, action_id: str) -> str | None:
        self._require(issue, version)
        before = _handling(issue)
        scene = Scene(datetime.now(UTC), issue["count"], issue["users"], issue["last_release"])
        after = after_edit(before, edit, scene)
        made = changes(before, after)
        if made:
            _write(issue, after)
        for change in made:
            self._tell(issue["id"], change.kind, change.detail, email, action_id)
            if change.before:
                self.befores.setdefault(action_id, []).append((issue["id"], change.before))
        self._note(issue, before, email, action_id)
        return action_id if made else None

    def _require(self, issue: Json, version: int | None) -> None:
        if version not in (None, issue["version"]):
            last = next((a for a in self.activity.get(issue["id"], []) if a["user"] and a["kind"] != "commented"), None)
            told = {"kind": last["kind"], "by": last["user"]["email"], "at": last["at"]} if last else {}
            detail = [{"issue_id": issue["id"], "version": issue["version"]} | told]
            raise ConflictError(f"the issue was changed since, it has version {issue['version']} now", detail=detail)

    def _note(self, issue: Json, before: Handling, email: str, action_id: str) -> None:
        was, is_now = bool(before.discarded_at), bool(issue["discarded_at"])
        if was != is_now:
            named = {"issue_id": issue["id"], "title": issue["title"], "count": issue["count"]}
            detail = named | {"action_id": action_id}
            line = {"id": next(self.numbers), "action": "discarded" if is_now else "discard_undone", "detail": detail}
            self.audit.insert(0, line | {"at": datetime.now(UTC).isoformat(), "user": self.member(email)})

    def _undo(self, action_id: str, issues: list[Json], email: str) -> Answer:
        befores = dict(self.befores.get(action_id, []))
        about = [issue for issue in issues if issue["id"] in befores]
        if not about:
            return 404, {"error": "no such action"}
        for issue in about:
            self._undo_one(action_id, issue, befores[issue["id"]], email)
        versions = {issue["id"]: issue["version"] for issue in about}
        return 200, {"action_id": str(uuid4()), "changed": len(about), "versions": versions}

    def _undo_one(self, action_id: str, issue: Json, before: Before, email: str) -> None:
        history = self.activity[issue["id"]]
        mine = next(entry for entry in history if entry["action_id"] == action_id)
        if mine["undone"]:
            raise ConflictError("the action is undone already")
        if mine["kind"] not in UNDOABLE:
            raise RejectedError(f"only an edit can be undone; this action is: {mine['kind']}")
        since = [e for e in history if e["id"] > mine["id"] and not e["undone"] and e["kind"] not in PASSED_OVER]
        if since:
            detail = [{"issue_id": issue["id"], "kind": since[0]["kind"], "by": email, "at": since[0]["at"]}]
            raise ConflictError("the action is not the issue's last one any more", detail=detail)
        now = _handling(issue)
        _write(issue, restored(now, [before]))
        self._note(issue, now, email, str(uuid4()))
        mine["undone"] = True
        self._tell(issue["id"], "undone", {"action_id": action_id}, email, str(uuid4()))

    def _comment(self, issue_id: str, text: str, email: str) -> Answer:
        entry = self._tell(issue_id, "commented", {"text": text}, email, str(uuid4()))
        named = {"action_id": entry["action_id"], "issue_id": issue_id, "user_id": an_id(email)}
        return 201, {"comment": named | {"text": text, "at": entry["at"]}}

    def _tell(self, issue_id: str, kind: str, detail: Json, email: str | None, action_id: str) -> Json:
        entry = {
            "id": next(self.numbers),
            "issue_id": issue_id,
            "action_id": action_id,
            "kind": kind,
            "detail": detail,
            "undone": False,
            "at": datetime.now(UTC).isoformat(),
            "user": self.member(email) if email else None,
        }
        self.activity.setdefault(issue_id, []).insert(0, entry)
        return entry


PASSED_OVER = frozenset({"commented", "undone"})


def _handling(issue: Json) -> Handling:
    standing = msgspec.convert({name: issue[name] for name in _STANDING} | {"episode": 1}, Standing)
    return msgspec.convert(
        {name: issue[name] for name in ("assignee_id", "priority", "discarded_at")} | {"standing": standing}, Handling
    )


def _write(issue: Json, handling: Handling) -> None:
    standing = {name: msgspec.to_builtins(getattr(handling.standing, name)) for name in _STANDING}
    others = {
        name: msgspec.to_builtins(getattr(handling, name)) for name in ("assignee_id", "priority", "discarded_at")
    }
    issue.update(standing, **others, version=issue["version"] + 1)
    issue["is_regressed"] = issue["regressed_at"] is not None
