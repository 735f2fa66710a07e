"""What queries find, in which order and page by page, on a real PostgreSQL."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.errors import UnreadableError
from atlas_core.events import Level
from atlas_core.search import Sort, parse
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.issue_lists import IssueLists
from atlas_core.storage.issue_search import Asker
from tests.services.desk import Desk, ok, refused

DAY_S = 86_400


@pytest.fixture
def shop(desk: Desk) -> Desk:
    """Five issues that differ in everything that can be asked for."""
    production = {"release": "shop@1.4.0", "environment": "production"}
    many = [
        desk.event(
            "query timed out", type="TimeoutError", user={"id": n}, after_s=-n, tags={"region": "eu"}, **production
        )
        for n in range(12)
    ]
    old = [desk.event("'currency'", type="KeyError", after_s=-20 * DAY_S, release="shop@1.0.0", environment="staging")]
    plain = desk.event("cache 50% full_up", after_s=-DAY_S / 2, platform="python", transaction="/cart")
    plain.level = Level.WARNING
    odd = desk.event("odd one", after_s=-2 * DAY_S, tags={"a key": "x y", "customer": "c" * 300})
    down = desk.event("connection refused by db-1.eu", type="OperationalError", after_s=-3600, **production)
    down.level = Level.CRITICAL
    desk.store.record([*many, *old, plain, odd, down])
    return desk


TIMEOUT, KEY, CACHE, ODD, DOWN = (
    "TimeoutError: query timed out", "KeyError: 'currency'", "cache 50% full_up", "odd one",
    "OperationalError: connection refused by db-1.eu",
)  # fmt: skip
ALL = [TIMEOUT, DOWN, CACHE, ODD, KEY]


FOUND = {
    "": ALL,
    "timed": [TIMEOUT],
    "TIMEOUT": [TIMEOUT],
    "timeou": [TIMEOUT],
    "error": [TIMEOUT, DOWN, KEY],
    "TimeoutErr": [TIMEOUT],
    "db-1.eu": [DOWN],
    "d": [],
    '"timed out"': [TIMEOUT],
    '"out timed"': [],
    '"time out"': [],
    "query timed": [TIMEOUT],
    "query refused": [],
    "-error": [CACHE, ODD],
    "-timed -refused": [CACHE, ODD, KEY],
    "50%": [CACHE],
    "full_up": [CACHE],
    "\u00b2 timed": [TIMEOUT],
    "\u00b2": [],
    "level:critical": [DOWN],
    "level:[critical,warning]": [DOWN, CACHE],
    "-level:[critical,warning]": [TIMEOUT, ODD, KEY],
    "is:open": ALL,
    "is:resolved": [],
    "status:[resolved,open] is:unassigned": ALL,
    "is:new": [TIMEOUT, DOWN, CACHE, ODD],
    "-is:new": [KEY],
    "has:type": [TIMEOUT, DOWN, KEY],
    "has:tags.region": [TIMEOUT],
    'has:"tags.a key"': [ODD],
    "-has:environment": [CACHE, ODD],
    "has:insight": [],
    "release:shop@1.4.0": [TIMEOUT, DOWN],
    "release:shop@1.*": [TIMEOUT, DOWN, KEY],
    "release:[shop@1.0.0,*4.0]": [TIMEOUT, DOWN, KEY],
    'release:"shop@1.*"': [],
    "-release:shop@1.4.0": [CACHE, ODD, KEY],
    "environment:staging": [KEY],
    "tags.region:eu": [TIMEOUT],
    'tags."a key":"x y"': [ODD],
    f"tags.customer:{'c' * 300}": [ODD],
    "type:KeyError": [KEY],
    "type:*Error -type:Key*": [TIMEOUT, DOWN],
    "-type:KeyError": [TIMEOUT, DOWN, CACHE, ODD],
    "type:_eyError": [],
    "culprit:/cart": [CACHE],
    "platform:python": [CACHE],
    "count:12": [TIMEOUT],
    "count:>1": [TIMEOUT],
    "count:>=12": [TIMEOUT],
    "count:<12": [DOWN, CACHE, ODD, KEY],
    "count:[1,2] users:0": [DOWN, CACHE, ODD, KEY],
    "users:>11": [TIMEOUT],
    "count:>999999999999999999": [],
    "first_seen:>-1d": [TIMEOUT, DOWN, CACHE],
    "last_seen:<-24h": [ODD, KEY],
    "last_seen:-24h": [TIMEOUT, DOWN, CACHE],
    "last_seen:<=-99999w": [],
    "first_seen:>=2199-12-31": [],
    "last_seen:>1970-01-01": ALL,
    "priority:medium": ALL,
    "-priority:medium": [],
    "assignee:none": ALL,
    "assignee:me": [],
    "error level:error count:>1 -release:x": [TIMEOUT],
    'x\'; -"DROP TABLE issues.issues; --"': [],
    "tags.x':y release:%(q0)s": [],
    "{listed} 100%s": [],
}


def test_queries_find_what_they_ask_for(shop):
    assert {query: shop.listed(query) for query in FOUND} == FOUND


@pytest.mark.slow
@pytest.mark.parametrize("walked", [1, 2, 4])
def test_it_makes_no_difference_how_far_a_search_walks_before_it_collects(shop, monkeypatch, walked):
    monkeypatch.setattr("atlas_core.storage.issue_lists.WALKED", walked)
    queries = ("error", "-error", "is:new", "release:shop@1.*", "-release:shop@1.4.0", "count:<12", "priority:medium")
    for query in queries:
        for sort in Sort:
            pages = [ok(shop.call("GET", f"/issues?{urlencode({'query': query, 'sort': sort.value, 'limit': 1})}"))]
            while pages[-1]["next_cursor"]:
                asked = {"query": query, "sort": sort.value, "limit": 1, "cursor": pages[-1]["next_cursor"]}
                pages.append(ok(shop.call("GET", f"/issues?{urlencode(asked)}")))
            assert [i["title"] for page in pages for i in page["issues"]] == shop.listed(query, sort=sort.value)


def test_a_day_is_a_whole_day_in_utc(desk):
    at = datetime.now(UTC)
    desk.issue("today")
    desk.issue("before", after_s=-DAY_S)
    today, before = at.date(), (at - timedelta(days=1)).date()
    assert desk.listed(f"first_seen:{today}") == desk.listed(f"first_seen:>{before}") == ["today"]
    assert desk.listed(f"last_seen:<={before}") == desk.listed(f"last_seen:<{today}") == ["before"]
    assert desk.listed(f"last_seen:[{today},{before}]") == ["today", "before"]


def test_people_find_what_is_theirs(shop):
    ids = {issue["title"]: issue["id"] for issue in shop.call("GET", "/issues").json()["issues"]}
    ok(shop.edit(ids[KEY], assignee_id=str(shop.ann), priority="high"))
    ok(shop.edit(ids[ODD], assignee_id=str(shop.bob)))
    assert shop.listed("assignee:me") == [KEY]
    assert shop.listed("assignee:me", user=shop.bob) == [ODD]
    assert shop.listed("assignee:[BOB@example.org,none]") == [TIMEOUT, DOWN, CACHE, ODD]
    assert shop.listed("is:assigned") == shop.listed("has:assignee") == [ODD, KEY]
    assert shop.listed("priority:high") == [KEY]
    assert shop.listed("assignee:nobody@example.org") == []


def test_a_regressed_issue_is_found_until_it_is_resolved_again(desk):
    issue = desk.issue("boom")
    ok(desk.edit(issue, status="resolved"))
    assert desk.listed("status:regressed") == []
    desk.issue("boom", after_s=1)
    assert desk.listed("status:regressed") == desk.listed("is:[regressed,resolved]") == ["boom"]
    ok(desk.edit(issue, status="resolved"))
    assert desk.listed("is:regressed") == []


def test_an_issue_with_a_written_insight_is_found(desk):
    written, waiting = desk.issue("written"), desk.issue("waiting")
    for issue, state in ((written, "ready"), (waiting, "pending")):
        desk.sql(
            "INSERT INTO intelligence.insights (issue_id, project_id, state, job) VALUES (:i, :p, :s, '')",
            i=issue, p=desk.project, s=state,
        )  # fmt: skip
    assert desk.listed("has:insight") == ["written"]
    assert desk.listed("-has:insight") == ["waiting"]


def test_what_was_merged_or_discarded_is_found_by_nobody(desk):
    kept, gone = desk.issue("kept boom"), desk.issue("gone boom")
    ok(desk.call("POST", "/issues/merge", {"into": str(kept), "issues": [str(gone)]}))
    assert desk.listed("boom") == ["kept boom"]
    assert desk.listed("gone") == ["kept boom"]
    ok(desk.call("POST", f"/issues/{kept}/discard"))
    assert desk.listed("boom") == []


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_of_every_order_are_whole_and_never_overlap(desk, sort):
    rng = random.Random(7)
    for n in range(45):
        times = range(rng.choice((1, 1, 2, 5)))
        desk.store.record(
            [desk.event(f"m{n}", after_s=-3600 * rng.randrange(4) - 1, user={"id": rng.randrange(3)}) for _ in times]
        )
    desk.sql("UPDATE issues.issues SET priority = (ARRAY['low', 'medium', 'high'])[1 + count % 3]")
    desk.sql("UPDATE issues.issues SET last_seen = date_trunc('hour', last_seen)")
    desk.sql("UPDATE issues.issues SET first_seen = date_trunc('hour', first_seen)")
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ok(desk.call("GET", f"/issues?{urlencode({'sort': sort.value, 'limit': 7, **cursor})}"))
        seen += answer["issues"]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert len({issue["id"] for issue in seen}) == len(seen) == 45
    rank = {"low": 0, "medium": 1, "high": 2}
    keys = [((rank[i["priority"]], i["last_seen"]) if sort is Sort.PRIORITY else i[sort.value], i["id"]) for i in seen]
    assert keys == sorted(keys, reverse=True)


def test_a_cursor_of_another_order_or_of_nobody_is_refused(shop):
    cursor = ok(shop.call("GET", "/issues?limit=1"))["next_cursor"]
    for other in ("count", "first_seen", "priority"):
        refused(shop.call("GET", f"/issues?sort={other}&cursor={cursor}"), 400, "cursor")
    for wrong in ("x", "MjAyNg==", "%25", "", "Y291bnR8LTF8eA=="):
        refused(shop.call("GET", f"/issues?sort=count&cursor={wrong}"), 400, "cursor")
    refused(shop.call("GET", "/issues?sort=size"), 422)


def test_a_query_that_cannot_be_read_is_a_400_that_says_where(shop):
    detail = refused(shop.call("GET", "/issues?query=boom+level:severe"), 400, "position 11", "severe")
    assert detail == {"position": 11, "expected": ["debug", "info", "warning", "error", "critical"]}


def test_one_list_shows_the_projects_that_one_belongs_to_and_no_other(shop):
    stranger = shop.sql("INSERT INTO identity.users (email, password_hash) VALUES ('s@x.org', '') RETURNING id")[0][0]
    assert ok(shop.send("GET", "/issues", user=stranger)) == {"issues": [], "next_cursor": None}
    (organization,) = shop.sql("SELECT id FROM identity.organizations")[0]
    second = IdentityStore(shop.database).add_project(shop.ann, organization, "second")[0]["id"]
    events = [shop.event("of the second", after_s=-1800), shop.event("query again", after_s=-60)]
    for event in events:
        event.project_id = second
    shop.store.record(events)
    titles = [issue["title"] for issue in ok(shop.send("GET", "/issues"))["issues"]]
    assert titles == [TIMEOUT, "query again", "of the second", DOWN, CACHE, ODD, KEY]
    first = ok(shop.send("GET", "/issues?limit=2&query=query"))
    assert first["next_cursor"] is None
    assert [issue["title"] for issue in first["issues"]] == [TIMEOUT, "query again"]
    pages = [ok(shop.send("GET", "/issues?limit=3"))]
    while pages[-1]["next_cursor"]:
        pages.append(ok(shop.send("GET", f"/issues?limit=3&cursor={pages[-1]['next_cursor']}")))
    assert [issue["title"] for page in pages for issue in page["issues"]] == titles
    assert ok(shop.send("GET", "/issues?sort=priority"))["issues"][0]["title"] == TIMEOUT


@pytest.mark.parametrize("walked", [0, 4, 6, 8, 12, 16])
def test_a_list_of_several_projects_has_one_order_however_far_it_walks(desk, monkeypatch, walked):
    """Those that match are behind many that do not in one project, and first in the other."""
    monkeypatch.setattr("atlas_core.storage.issue_lists.WALKED", walked)
    (organization,) = desk.sql("SELECT id FROM identity.organizations")[0]
    second = IdentityStore(desk.database).add_project(desk.ann, organization, "second")[0]["id"]
    events = [desk.event(f"noise {n}", after_s=-n) for n in range(9)]
    events += [desk.event(f"wanted {n}", after_s=-10 - n) for n in range(6)]
    others = [desk.event(f"wanted {n}", after_s=-10 - n) for n in range(6, 12)]
    for event in others:
        event.project_id = second
    desk.store.record(events + others)
    asked = {"query": "wanted", "sort": "last_seen", "limit": 2}
    pages = [ok(desk.send("GET", f"/issues?{urlencode(asked)}"))]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(ok(desk.send("GET", f"/issues?{urlencode(asked | {'cursor': cursor})}")))
    assert [issue["title"] for page in pages for issue in page["issues"]] == [f"wanted {n}" for n in range(12)]


def test_a_page_that_is_nearly_full_is_filled_by_walking_on_not_by_collecting_all_that_match(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.issue_lists.WALKED", 8)
    monkeypatch.setattr("atlas_core.storage.issue_lists.WALKED_AT_MOST", 12)
    monkeypatch.setattr("atlas_core.storage.issue_lists._COLLECT", "no SQL")
    desk.store.record([desk.event(f"{'wanted' if n % 2 else 'noise'} {n}", after_s=-n) for n in range(40)])
    asked = {"query": "wanted", "sort": "last_seen", "limit": 4}
    page = ok(desk.call("GET", f"/issues?{urlencode(asked)}"))
    assert [issue["title"] for issue in page["issues"]] == [f"wanted {n}" for n in (1, 3, 5, 7)]
    assert page["next_cursor"]


def test_views_are_kept_shared_changed_and_deleted_by_their_owner(desk):
    body = {"name": "Mine", "query": "assignee:me is:open", "sort": "count"}
    view = ok(desk.call("POST", "/views", body), 201)["view"]
    assert {
        "name": "Mine",
        "query": "assignee:me is:open",
        "sort": "count",
        "shared": False,
        "is_own": True,
    }.items() <= (view.items())
    refused(desk.call("POST", "/views", body), 409, "you have a view of the name 'Mine' already")
    ok(desk.call("POST", "/views", body, user=desk.bob), 201)
    assert [v["user_id"] for v in ok(desk.call("GET", "/views", user=desk.bob))["views"]] == [str(desk.bob)]
    changed = ok(desk.call("PUT", f"/views/{view['id']}", {"name": "All", "shared": True}))["view"]
    assert (changed["name"], changed["query"], changed["shared"]) == ("All", "", True)
    ok(desk.call("POST", "/views", body), 201)
    refused(desk.call("PUT", f"/views/{view['id']}", body), 409, "you have a view of the name 'Mine' already")
    assert [v["is_own"] for v in ok(desk.call("GET", "/views", user=desk.bob))["views"]] == [True, False]
    refused(desk.call("PUT", f"/views/{view['id']}", {"name": "x"}, user=desk.bob), 404)
    refused(desk.call("DELETE", f"/views/{view['id']}", user=desk.bob), 404)
    ok(desk.call("DELETE", f"/views/{view['id']}"))
    refused(desk.call("DELETE", f"/views/{view['id']}"), 404)


def test_a_view_whose_query_cannot_be_read_is_refused_with_the_place(desk):
    assert refused(desk.call("POST", "/views", {"name": "x", "query": "count:many"}), 400)["position"] == 6
    for name in (" ", "\u0000", " \u0000 "):
        refused(desk.call("POST", "/views", {"name": name, "query": ""}), 422, "body.name")


def test_one_may_keep_so_many_views_and_no_more(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.limits.VIEWS_PER_PERSON", 2)
    for n in range(2):
        ok(desk.call("POST", "/views", {"name": str(n)}), 201)
    refused(desk.call("POST", "/views", {"name": "x"}), 409, "2 views")
    ok(desk.call("POST", "/views", {"name": "x"}, user=desk.bob), 201)


_WORDS = st.sampled_from(
    ["timed", "-query", '"timed out"', "level:[error,debug]", "-level:error", "is:new", "tags.region:*", "count:>=2",
     "release:a%_*", "last_seen:<2026-11-01T10:30", "has:tags.x", "-has:insight", "assignee:[me,a@b]", "users:<3",
     "-first_seen:[-2h,2026-01-01]", "status:[regressed,open]", "\u00e9\u00b2", "-type:*'*", "tags.\"\\\"\":\"'\""]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.lists(_WORDS, max_size=8).map(" ".join), st.text(max_size=40)), sort=st.sampled_from(Sort))
def test_every_query_that_is_read_is_one_that_the_database_understands(desk, text, sort):
    try:
        query = parse(text)
    except UnreadableError:
        query = ()
    asker = Asker(UUID(int=1), datetime.now(UTC))
    found, cursor = IssueLists(desk.database).page([desk.project], query, asker, sort=sort, limit=5)
    assert (found, cursor) == ([], None)
