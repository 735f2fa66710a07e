"""Time series, tags, releases and users, as the routes show them."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from atlas_core.events import Event, Level
from atlas_core.storage.cursors import cursor_of
from tests.services.desk import Desk, ok, refused


def made(desk: Desk, message: str, at: datetime, *, level: Level = Level.ERROR, **more: object) -> Event:
    event = desk.event(message, **more)
    event.received_at, event.level = at, level
    return event


def text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def test_series_count_every_hour_and_day_and_show_the_zeros(desk):
    rng = random.Random(5)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    levels = (Level.ERROR, Level.WARNING, Level.CRITICAL)
    events = [
        made(desk, f"m{n % 2}", noon - timedelta(minutes=rng.randrange(60 * 60)), level=rng.choice(levels))
        for n in range(300)
    ]
    updates = desk.store.record(events)
    issue = next(update.issue_id for update in updates if update.title == "m0")
    span = f"from={text(noon - timedelta(hours=60, minutes=20))}&to={text(noon)}"
    answer = ok(desk.call("GET", f"/issues/{issue}/series?{span}"))
    assert (answer["from"], answer["to"]) == ("2026-11-17T23:00:00Z", "2026-11-20T12:00:00Z")
    hours = Counter(text(e.received_at.replace(minute=0)) for e in events if e.message == "m0")
    assert [bucket["at"] for bucket in answer["buckets"]] == [text(noon - timedelta(hours=n)) for n in range(61, 0, -1)]
    assert {bucket["at"]: bucket["count"] for bucket in answer["buckets"] if bucket["count"]} == hours
    days = ok(desk.call("GET", f"/series?{span}&interval=day"))["buckets"]
    by_day = Counter((e.received_at.date().isoformat(), e.level.value) for e in events)
    assert [day["at"] for day in days] == [f"2026-11-{n}T00:00:00Z" for n in (17, 18, 19, 20)]
    for day in days:
        wanted = {level: n for (date, level), n in by_day.items() if day["at"].startswith(date)}
        assert day == {"at": day["at"], "count": sum(wanted.values()), "levels": wanted, "dropped": {}}
    assert sum(day["count"] for day in days) == 300


def test_a_series_tells_what_was_dropped_and_why(desk):
    issue = desk.issue("boom", after_s=-60)
    ok(desk.call("POST", f"/issues/{issue}/discard"))
    desk.store.record([desk.event("boom", after_s=-60), desk.event("boom", after_s=-60)])
    buckets = ok(desk.call("GET", "/series?interval=day"))["buckets"]
    assert len(buckets) == 31
    assert sum(bucket["count"] for bucket in buckets) == 1
    assert sum(bucket["dropped"].get("discarded", 0) for bucket in buckets) == 2


def test_a_series_of_no_time_or_of_too_many_buckets_is_refused(desk):
    issue = desk.issue()
    path = f"/issues/{issue}/series"
    refused(desk.call("GET", f"{path}?from=2026-11-02&to=2026-11-02"), 400, "before")
    refused(desk.call("GET", f"{path}?from=2026-01-01&to=2026-11-02"), 400, "2,000 hours")
    assert len(ok(desk.call("GET", f"{path}?from=2026-01-01&to=2026-03-25T08:00"))["buckets"]) == 2_000
    for wrong in ("from=yesterday", "interval=week", "from=0001-01-01", "to=9999-12-31T23:59:59-12:00",
                  "from=0001-01-01T00:00:00%2B14:00", "to=1e30", "to=99999999999999999999"):  # fmt: skip
        refused(desk.call("GET", f"{path}?{wrong}"), 422)
    refused(desk.call("GET", f"/issues/{desk.ann}/series"), 404)


def test_the_tags_of_an_issue_are_shown_with_their_shares(desk):
    events = [desk.event(tags={"region": region}, release="1.0") for region in ("eu", "eu", "eu", "us", "ap")]
    (update,) = desk.store.record([*events, desk.event(release="1.1")])
    desk.store.record([desk.event("other", tags={"region": "eu"})])
    tags = ok(desk.call("GET", f"/issues/{update.issue_id}/tags?top=2"))["tags"]
    assert tags == [
        {"key": "region", "events": 5, "values_known": 3,
         "values": [{"value": "eu", "count": 3, "share": 0.6}, {"value": "ap", "count": 1, "share": 0.2}]},
        {"key": "release", "events": 6, "values_known": 2,
         "values": [{"value": "1.0", "count": 5, "share": 5 / 6}, {"value": "1.1", "count": 1, "share": 1 / 6}]},
    ]  # fmt: skip
    refused(desk.call("GET", f"/issues/{desk.ann}/tags"), 404)


def test_releases_are_shown_latest_first_page_by_page_with_what_they_brought(desk):
    for n, release in enumerate(("a|b", "1.1", "1.2")):
        desk.store.record(
            [desk.event("boom", release=release, after_s=n - 10), desk.event(release, release=release, after_s=n - 9)]
        )
    first = ok(desk.call("GET", "/releases?limit=2"))
    assert [(r["release"], r["events"], r["new_issues"], r["regressions"]) for r in first["releases"]] == [
        ("1.2", 2, 1, 0), ("1.1", 2, 1, 0),
    ]  # fmt: skip
    (last,) = ok(desk.call("GET", f"/releases?limit=2&cursor={first['next_cursor']}"))["releases"]
    assert (last["release"], last["new_issues"]) == ("a|b", 2)
    after = ok(desk.call("GET", "/releases?limit=3"))
    assert after["next_cursor"] is None
    for wrong in ("x", cursor_of("2026-11-26T03:54:46+00:00", "a\x00b"), cursor_of("9999-12-31T23:59:59-12:00", "a"),
                  cursor_of("0001-01-01T00:00:00+14:00", "a"), cursor_of("2026-11-26T03:54:46", "a")):  # fmt: skip
        refused(desk.call("GET", f"/releases?cursor={wrong}"), 400, "cursor")


def test_users_are_counted_once_in_a_time(desk):
    desk.store.record([desk.event(f"m{n}", user={"id": n % 3}, after_s=-60) for n in range(7)])
    desk.store.record([desk.event("old", user={"id": 9}, after_s=-86_400 * 2), desk.event("nobody")])
    assert ok(desk.call("GET", "/users-affected"))["users_affected"] == 3
    start = text(datetime.now(UTC) - timedelta(days=3))
    assert ok(desk.call("GET", f"/users-affected?from={start}"))["users_affected"] == 4
    refused(desk.call("GET", "/users-affected?from=2026-01-01"), 400, "31 days")
