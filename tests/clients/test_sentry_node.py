"""@sentry/node, the current one and 7, unmodified: what an application reports is in Atlas, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]
Run = Callable[..., None]


@pytest.fixture(params=["@sentry/node", "sentry-node-7"])
def run(request: pytest.FixtureRequest, project: Project, node_clients: Path) -> Run:
    """Run a program, by default a scenario of programs/sentry_node.js, by one of the SDKs."""

    def run(scenario: str, program: str = "sentry_node.js", *, status: int = 0, **environment: str) -> None:
        project.node(node_clients, program, scenario, status=status, SENTRY_PACKAGE=request.param, **environment)

    return run


def test_exceptions_arrive_with_their_type_and_value(run: Run, project: Project):
    run("exceptions")
    project.holds(
        ("OrderError", "order 7 has no items", "error"),
        ("TypeError", "Cannot read properties of null (reading 'price')", "error"),
        ("Error", "only a text", "error"),
    )
    event = project.event("order 7 has no items")
    crash = event["frames"][-1]
    assert crash["function"] == "place"
    assert crash["context_line"].strip() == "throw new OrderError(`order ${order} has no items`);"
    assert crash["in_app"] is True
    assert event["stack_trace"].startswith("OrderError: order 7 has no items\n    at place (")


def test_a_cause_is_part_of_the_event_of_the_exception_that_was_caught(run: Run, project: Project):
    run("chained")
    project.holds(("OrderError", "the shop is closed", "error"))
    chain = project.event("the shop is closed")["exceptions"]
    assert [one["value"] for one in chain] == ["order 8 has no items", "the shop is closed"]


def test_an_aggregate_error_is_one_event_with_its_members(run: Run, project: Project):
    run("groups")
    project.holds(("AggregateError", "two of three failed", "error"))
    members = project.event("two of three failed")["exceptions"]
    assert {one["type"] for one in members} == {"AggregateError", "OrderError", "TypeError"}


def test_an_uncaught_exception_is_reported_as_unhandled(run: Run, project: Project):
    run("uncaught", status=1)
    project.holds(("OrderError", "order 10 has no items", "critical"))
    assert project.event("order 10 has no items")["exceptions"][-1]["handled"] is False


def test_a_rejected_promise_is_reported(run: Run, project: Project):
    run("rejected")
    project.holds(("OrderError", "order 11 has no items", "error"))


def test_messages_keep_their_level(run: Run, project: Project):
    run("levels")
    project.holds(
        (None, "a message at debug", "debug"),
        (None, "a message at info", "info"),
        (None, "a message at log", "info"),
        (None, "a message at warning", "warning"),
        (None, "a message at error", "error"),
        (None, "a message at fatal", "critical"),
        (None, "a message at no level", "info"),
    )


def test_what_the_console_is_told_is_reported_with_what_came_before(run: Run, project: Project):
    run("logged")
    project.holds((None, "order A-1 failed", "error"), (None, "the till is nearly full", "warning"))
    crumbs = project.event("order A-1 failed")["breadcrumbs"]
    assert "only a breadcrumb" in [crumb["message"] for crumb in crumbs]


def test_tags_user_contexts_release_and_environment_are_kept(run: Run, project: Project):
    run("details")
    project.holds((None, "with details", "warning"))
    event = project.event("with details")
    assert event["tags"]["shop"] == "north"
    assert event["user"]["id"] == "u-1"
    assert {"number": 7, "open": True}.items() <= event["contexts"]["order"].items()
    assert event["extra"]["basket"] == ["pear", "plum"]
    assert [crumb["message"] for crumb in event["breadcrumbs"]] == ["added a pear"]
    assert (event["release"], event["environment"]) == ("shop@1.2.3", "staging")
    assert event["sdk"]["name"] == "sentry.javascript.node"


def test_big_events_arrive_cut_not_lost(run: Run, project: Project):
    run("big")
    project.holds((None, "z" * 8_192, "error"), ("OrderError", "deep down", "error"))


def test_unicode_arrives_whole_and_what_no_database_holds_is_replaced(run: Run, project: Project):
    run("unicode")
    project.holds(
        (None, "naïve \ufffd 日本語 \U0001f600", "info"),
        (None, "half a pair: \ufffd!", "info"),
        ("OrderError", "¿dónde está \ufffd?\nsecond line", "error"),
    )


def test_attachments_cost_nothing_and_are_no_events(run: Run, project: Project):
    run("attachments")
    project.holds((None, "with attachments", "error"))


def test_an_event_sent_twice_is_counted_once(run: Run, project: Project):
    run("duplicates")
    project.holds((None, "sent twice", "warning"), (None, "sent once", "warning"))


def test_a_burst_is_counted_to_the_last_event(run: Run, project: Project):
    run("burst")
    project.holds(*((None, f"burst {number}", "error") for number in range(10)), times=20)


def test_spans_sessions_logs_and_metrics_are_no_events(run: Run, project: Project):
    run("noise")
    project.holds((None, "inside a transaction", "info"))


def test_the_failing_requests_of_an_express_application_are_reported(run: Run, project: Project):
    run("", "sentry_express.js")
    project.holds(
        ("RangeError", "order 7 is out of range", "error"),
        ("TypeError", "no such customer", "error"),
        (None, "stock of pears is negative", "error"),
    )
    event = project.event("order 7 is out of range")
    assert event["transaction"].startswith("GET /boom/")
    assert event["request"]["url"].endswith("/boom/7")


def test_a_dsn_may_name_a_path(run: Run, project: Project):
    host, _, number = project.dsn.rpartition("/")
    run("details", SENTRY_DSN=f"{host}/behind/a/proxy/{number}")
    project.holds((None, "with details", "warning"))
