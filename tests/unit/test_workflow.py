"""How arriving events change an issue's standing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.issues import Status
from atlas_core.workflow import Arrival, Newest, Standing, after_arrival, newer_by, package_of, version_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SEEN = {"abc": NOW - timedelta(days=3), "def": NOW - timedelta(days=2), "fed": NOW - timedelta(days=1)}
newer = newer_by(SEEN.get)


def arrive(standing: Standing, *releases: str | None, age_s: float = 0, count: int = 10, users: int = 2) -> Standing:
    events = [(NOW - timedelta(seconds=age_s), release) for release in releases or (None,)]
    return after_arrival(standing, Arrival(events, count, users), SEEN.get)


def resolved(**more) -> Standing:
    return Standing(status=Status.RESOLVED, episode=3, resolved_at=NOW - timedelta(hours=1), **more)


def test_an_open_issue_stays_as_it_is():
    standing = Standing(status=Status.OPEN, episode=1)
    assert arrive(standing) is standing


def test_a_resolved_issue_regresses_into_the_next_episode():
    assert arrive(resolved()) == Standing(status=Status.OPEN, episode=4, regressed_at=NOW)


def test_an_event_from_before_the_resolution_changes_nothing():
    standing = resolved()
    assert arrive(standing, age_s=3600) is standing


@pytest.mark.parametrize(
    ("release", "regresses"),
    [("1.9.9", False), ("2.0", True), ("2.0.0", True), ("2.1", True), ("2.0.0-rc1", False), (None, True)],
)
def test_resolved_in_a_release_regresses_from_that_release_on(release, regresses):
    assert (arrive(resolved(resolved_in="2.0.0"), release).status is Status.OPEN) == regresses


@pytest.mark.parametrize(("release", "regresses"), [("abc", False), ("def", False), ("fed", True), ("new", True)])
def test_resolved_in_the_next_release_regresses_after_the_last_one_without_the_fix(release, regresses):
    standing = resolved(resolved_in="def", resolved_in_next=True)
    assert (arrive(standing, release).status is Status.OPEN) == regresses


@pytest.mark.parametrize(
    ("limit", "ends"),
    [
        ({"ignored_until": NOW}, True),
        ({"ignored_until": NOW + timedelta(seconds=1)}, False),
        ({"ignored_until_count": 10}, True),
        ({"ignored_until_count": 11}, False),
        ({"ignored_until_users": 2}, True),
        ({"ignored_until_users": 3}, False),
        ({}, False),
    ],
)
def test_an_ignore_ends_at_its_limit(limit, ends):
    after = arrive(Standing(status=Status.IGNORED, episode=2, **limit))
    assert (after.status, after.episode) == (Status.OPEN if ends else Status.IGNORED, 2)


@pytest.mark.parametrize(
    ("older", "later"),
    [("1.2", "1.10"), ("shop@1.2.3", "shop@1.2.4"), ("v1.0-rc1", "v1.0"), ("1.0", "1.0.1"), ("abc", "def")],
)
def test_releases_are_compared_by_version_else_by_when_they_were_first_seen(older, later):
    assert newer(later, older)
    assert not newer(older, later)


@pytest.mark.parametrize(
    ("release", "package"),
    [("shop@1.4.0", "shop"), ("@scope/app@1.0", "@scope/app"), ("1.4.0", ""), ("@1.0", ""), ("a@b@1.0", "a"), ("", "")],
)
def test_the_package_of_a_release_stands_before_its_version(release, package):
    assert package_of(release) == package


def test_versions_of_two_packages_say_nothing_the_first_sight_does():
    seen = {"web@2.0": NOW - timedelta(days=3), "worker@1.5": NOW - timedelta(days=2), "web@1.9": NOW}
    newer = newer_by(seen.get)
    assert newer("worker@1.5", "web@2.0")
    assert not newer("web@2.0", "worker@1.5")
    assert newer("web@1.9", "worker@1.5")
    assert newer("web@2.0", "web@1.9")
    assert newer("@scope/app@1.10", "@scope/app@1.9")


@pytest.mark.parametrize(
    ("release", "regresses"),
    [("worker@1.5", False), ("worker@1.6", True), ("web@2.0", False), ("web@2.1", True), ("web@1.0", True)],
)
def test_resolved_in_the_next_release_another_package_counts_from_the_resolution_on(release, regresses):
    # web@2.0 came after worker@1.5, but was there when the issue was resolved.
    seen = {"worker@1.5": NOW - timedelta(days=3), "web@2.0": NOW - timedelta(days=2), "web@1.0": NOW, "web@2.1": NOW}
    standing = resolved(resolved_in="worker@1.5", resolved_in_next=True)
    after = after_arrival(standing, Arrival([(NOW, release)], 10, 2), seen.get)
    assert (after.status is Status.OPEN) == regresses


@pytest.mark.parametrize(("release", "regresses"), [("web@1.9", False), ("worker@1.5", False), ("worker@1.6.1", True)])
def test_a_release_of_another_package_does_not_break_a_resolution_in_one_yet_to_come(release, regresses):
    standing = resolved(resolved_in="worker@1.6")
    after = after_arrival(standing, Arrival([(NOW, release)], 10, 2), {"web@1.9": NOW, "worker@1.5": NOW}.get)
    assert (after.status is Status.OPEN) == regresses


def test_the_newest_release_is_that_of_the_same_package_or_else_of_the_package_that_was_seen_last():
    days = {"web@2.0": 5, "worker@1.5": 4, "worker@1.4.1": 3, "web@1.9.1": 2, "abc": 1, "1.0": 0.5}
    newest = Newest({name: NOW - timedelta(days=age) for name, age in days.items()})
    assert newest.beside("worker@1.4") == "worker@1.5"
    assert newest.beside("web@1.0") == "web@2.0"
    assert newest.beside("0.9") == newest.beside(None) == newest.beside("cron@1") == "1.0"


@pytest.mark.parametrize("name", ["main", "", "4f9a1c2", "2026", "1.2.3.4.5.6.7", "1..2"])
def test_what_is_no_version_has_none(name):
    assert version_of(name) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_release_is_newer_than_itself_and_never_both_ways(one, other):
    assert not newer(one, one)
    assert not (newer(one, other) and newer(other, one))
