"""Issues that look alike, from the route down to a real PostgreSQL."""

import time
from uuid import uuid4

import pytest

from atlas_core.storage.similar_issues import Lookalikes
from tests.services.desk import Desk, ok, refused


def titles(desk: Desk, issue) -> list[str]:
    return [entry["issue"]["title"] for entry in ok(desk.call("GET", f"/issues/{issue}/similar"))["similar"]]


def test_issues_whose_messages_differ_in_what_varies_are_suggested_with_the_reason(desk):
    one = desk.issue("payment 17 of customer ann@example.org was declined by the bank")
    desk.issue("payment 98 of customer bob@example.org was declined by the bank")
    desk.issue("the search index is being rebuilt")
    (found,) = ok(desk.call("GET", f"/issues/{one}/similar"))["similar"]
    assert found["issue"]["title"].startswith("payment 98")
    assert found["score"] > 0.9
    assert found["reasons"]


def test_only_as_many_as_asked_for_are_suggested(desk):
    issues = [desk.issue(f"payment {n} was declined by the bank") for n in range(10)]
    assert len(ok(desk.call("GET", f"/issues/{issues[0]}/similar?limit=3"))["similar"]) == 3
    refused(desk.call("GET", f"/issues/{issues[0]}/similar?limit=0"), 422)


def test_merged_and_discarded_issues_are_not_suggested_any_more(desk):
    one, two, three = (desk.issue(f"payment {n} was declined by the bank") for n in range(3))
    assert len(titles(desk, one)) == 2
    ok(desk.call("POST", "/issues/merge", {"into": str(one), "issues": [str(two)]}))
    ok(desk.call("POST", f"/issues/{three}/discard"))
    assert titles(desk, one) == []


def test_an_issue_that_came_after_the_index_was_made_finds_others_at_once_and_is_found_soon(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.similar_issues.FRESH_S", 0.0)
    monkeypatch.setattr("atlas_core.storage.similar_issues.FRESH_COSTS", 0)
    one = desk.issue("payment 1 was declined by the bank")
    assert titles(desk, one) == []
    two = desk.issue("payment 2 was declined by the bank")
    assert titles(desk, two) == ["payment 1 was declined by the bank"]
    until = time.monotonic() + 20
    while titles(desk, one) != ["payment 2 was declined by the bank"]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_another_projects_issue_and_one_that_does_not_exist_are_not_found(desk):
    desk.issue("boom")
    refused(desk.call("GET", f"/issues/{uuid4()}/similar"), 404)
    event = desk.event("boom elsewhere")
    event.project_id = uuid4()
    (update,) = desk.store.record([event])
    refused(desk.call("GET", f"/issues/{update.issue_id}/similar"), 404)


def test_the_projects_asked_for_last_stay_in_memory_up_to_a_number_of_issues(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.similar_issues.ISSUES_IN_MEMORY", 3)
    lookalikes, asked = Lookalikes(desk.database), []
    for _ in range(3):
        desk.project = uuid4()
        one, _ = desk.issue("payment 1 was declined"), desk.issue("payment 2 was declined")
        asked.append((desk.project, one))
        assert len(lookalikes.similar(*asked[-1])) == 1
        assert lookalikes.projects == 1
    assert len(lookalikes.similar(*asked[0])) == 1


@pytest.mark.parametrize("message", ["", " ", "\u0000".replace("\u0000", "?"), "x" * 8_000])
def test_any_message_can_be_asked_about(desk, message):
    issue = desk.issue(message)
    assert titles(desk, issue) == []
