"""The fake services are held to the real ones: the same keys and kinds of values in every answer that a page reads."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from atlas_core.events import ExceptionValue, Frame
from atlas_core.storage.database import Database
from tests.dashboards.fake_api import EMAIL, World
from tests.dashboards.fake_data import an_id
from tests.services.desk import Desk

Answer = tuple[int, Any]
# What applications fill as they like, and counts by names of their own.
FREE = frozenset({"breadcrumbs", "vars", "tags", "user", "contexts", "extra", "request", "dropped", "refused"})
FRAME = Frame(filename="a.py", function="f", lineno=2, in_app=True, context_line="f()", vars={"a": 1})
WHOLE: dict[str, Any] = {
    "release": "shop@1.4.2",
    "exceptions": [ExceptionValue(type="KeyError", value="boom", handled=False, frames=[FRAME])],
    "tags": {"region": "eu"},
    "user": {"id": "1", "email": "carol@example.org"},
    "contexts": {"runtime": {"name": "CPython"}},
    "breadcrumbs": [{"timestamp": "2026-11-25T12:00:00Z", "category": "query", "message": "SELECT", "level": "info"}],
    "platform": "python",
}


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    database = Database(database_url, pool_size=4)
    yield Desk(database)
    database.close()


class Real:
    """The issue service's own routes, on PostgreSQL."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.issue = str(desk.issue("cart is empty in total", **WHOLE))
        self.other = str(desk.issue("cart is empty in total again", **WHOLE))
        self.member = str(desk.bob)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = self.desk.call(method, path, body)
        return answer.status_code, answer.json()


class Fake:
    """The fake ones."""

    def __init__(self) -> None:
        self.world = World()
        self.issue, self.other = (issue["id"] for issue in self.world.issues[:2])
        self.member = an_id(EMAIL)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        where, _, query = f"/projects/{an_id('shop')}{path}".partition("?")
        status, answer = self.world.answer(method, where, query, "a token", json.dumps(body).encode() if body else b"")
        return status, json.loads(json.dumps(answer))


def shape(value: Any) -> Any:
    """The keys and kinds of a JSON value; of a list, its last element's."""
    match value:
        case dict():
            known = {key: inner for key, inner in value.items() if inner is not None}
            return {key: type(inner).__name__ if key in FREE else shape(inner) for key, inner in known.items()}
        case list():
            return [shape(inner) for inner in value[-1:]]
    return type(value).__name__


def story(services: Real | Fake) -> dict[str, Answer]:
    """What a page asks in the life of an issue, and the answers."""
    issue = f"/issues/{services.issue}"
    asked: dict[str, tuple[str, str, object]] = {
        "list": ("GET", "/issues", None),
        "page": ("GET", "/issues?query=is%3Aopen&sort=count&limit=1", None),
        "found": ("GET", "/issues?query=level%3Aerror", None),
        "unreadable": ("GET", "/issues?query=boom+level%3Asevere", None),
        "issue": ("GET", issue, None),
        "overview": ("GET", "/overview", None),
        "intake": ("GET", "/intake?hours=1", None),
        "events": ("GET", f"/events?issue_id={services.issue}&limit=10", None),
        "members": ("GET", "/members", None),
        "edit": ("PATCH", issue, {"status": "resolved", "resolved_in": "1.5", "version": 1}),
        "stale": ("PATCH", issue, {"status": "open", "version": 1}),
        "assign": ("PATCH", issue, {"assignee_id": services.member, "version": 2}),
        "nothing": ("PATCH", issue, {"priority": "medium"}),
        "past": ("PATCH", issue, {"status": "ignored", "ignored_until": "2020-01-01T00:00:00Z"}),
        "wrong": ("PATCH", issue, {"ignored_for_events": 0}),
        "comment": ("POST", f"{issue}/comments", {"text": "look"}),
        "empty comment": ("POST", f"{issue}/comments", {"text": " "}),
        "activity": ("GET", f"{issue}/activity?limit=20", None),
    }
    told = {name: services.ask(*call) for name, call in asked.items()}
    action = told["assign"][1]["action_id"]
    told["undo"] = services.ask("POST", f"/actions/{action}/undo")
    told["undo again"] = services.ask("POST", f"/actions/{action}/undo")
    told["history"] = services.ask("GET", f"{issue}/activity?limit=20")
    newest = told["events"][1]["events"][0]["event_id"]
    told["event"] = services.ask("GET", f"/events/{newest}")
    told["missing event"] = services.ask("GET", f"/events/{an_id('nowhere')}")
    told["discard"] = services.ask("POST", f"{issue}/discard", {"version": 4})
    told["discarded"] = services.ask("GET", issue)
    told["edit discarded"] = services.ask("PATCH", issue, {"status": "open"})
    told["list without it"] = services.ask("GET", "/issues")
    told["undo discard"] = services.ask("POST", f"/actions/{told['discard'][1]['action_id']}/undo")
    told["audit"] = services.ask("GET", "/audit?limit=100")
    told["similar"] = services.ask("GET", f"{issue}/similar")
    told["merge"] = services.ask("POST", "/issues/merge", {"into": services.issue, "issues": [services.other]})
    told["merged into"] = services.ask("GET", f"/issues/{services.other}")
    told["fingerprints"] = services.ask("GET", f"{issue}/fingerprints")
    parts = [part["fingerprint"] for part in told["fingerprints"][1]["fingerprints"]]
    told["merge history"] = services.ask("GET", f"{issue}/activity?limit=1")
    told["unmerge all"] = services.ask("POST", f"{issue}/unmerge", {"fingerprints": parts})
    told["missing"] = services.ask("GET", f"/issues/{an_id('nowhere')}")
    return told


def test_the_fake_services_answer_as_the_real_ones_do(desk: Desk) -> None:
    real, fake = story(Real(desk)), story(Fake())
    assert {name: status for name, (status, _) in fake.items()} == {name: status for name, (status, _) in real.items()}
    for name, (_status, answer) in real.items():
        mine, theirs = shape(fake[name][1]), shape(answer)
        if "versions" in theirs:
            assert list(theirs.pop("versions").values()) == list(mine.pop("versions").values())
        assert keys(mine) >= keys(theirs), name
        assert kinds(mine, theirs) == [], name
    entries = [
        [(e["kind"], e["undone"], e["detail"].keys()) for e in told["history"][1]["activity"]] for told in (real, fake)
    ]
    assert entries[0] == entries[1]


def keys(value: Any) -> set[str]:
    """Every path to a value."""
    match value:
        case dict():
            return {f"{key}.{path}" for key, inner in value.items() for path in keys(inner) or {""}}
        case [inner]:
            return {f"[].{path}" for path in keys(inner)}
    return set()


def kinds(mine: Any, theirs: Any) -> list[tuple[Any, Any]]:
    """The places where both have a value, of different kinds."""
    match mine, theirs:
        case dict(), dict():
            return [difference for key in mine.keys() & theirs.keys() for difference in kinds(mine[key], theirs[key])]
        case [one], [other]:
            return kinds(one, other)
    return [] if mine == theirs or [] in (mine, theirs) else [(mine, theirs)]
