"""sentry-sdk, the current one and 1.45, unmodified: what an application reports is in Atlas, and nothing else."""

from collections.abc import Callable

import pytest

from tests.clients.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]
Run = Callable[..., None]


@pytest.fixture(params=["current", "1.45"])
def run(request: pytest.FixtureRequest, project: Project) -> Run:
    """Run a scenario of programs/sentry_events.py by one of the SDKs."""
    before = request.getfixturevalue("sentry_sdk_1") if request.param == "1.45" else None

    def run(scenario: str, *options: str, status: int = 0) -> None:
        project.python("sentry_events.py", scenario, *options, before=before, status=status)

    return run


def test_exceptions_arrive_with_their_type_and_value(run: Run, project: Project):
    run("exceptions")
    project.holds(
        ("OrderError", "order 7 has no items", "error"),
        ("KeyError", "'sku'", "error"),
        ("RuntimeError", "RuntimeError", "error"),
    )
    event = project.event("order 7 has no items")
    assert [frame["function"] for frame in event["frames"]] == ["exceptions", "place"]
    crash = event["frames"][-1]
    assert crash["context_line"].strip() == 'raise OrderError(f"order {order} has no items")'
    assert len(crash["pre_context"]) == 5
    assert crash["in_app"] is True
    assert crash["vars"]["order"] == "7"
    assert event["stack_trace"].rstrip().endswith("OrderError: order 7 has no items")


def test_a_chain_is_one_event_of_the_exception_that_was_caught(run: Run, project: Project):
    run("chained")
    project.holds(
        ("ConnectionError", "the shop is closed", "error"),
        ("ValueError", "invalid literal for int() with base 10: 'twelve'", "error"),
    )
    explicit = project.event("the shop is closed")["exceptions"]
    assert [(one["type"], one["value"]) for one in explicit] == [
        ("OrderError", "order 8 has no items"),
        ("ConnectionError", "the shop is closed"),
    ]
    implicit = project.event("invalid literal for int() with base 10: 'twelve'")["exceptions"]
    assert [one["type"] for one in implicit] == ["KeyError", "ValueError"]


def test_a_group_is_one_event_with_its_members(run: Run, project: Project):
    run("groups")
    project.holds(("ExceptionGroup", "two of three failed", "error"))
    members = project.event("two of three failed")["exceptions"]
    assert {one["type"] for one in members} >= {"ExceptionGroup", "OrderError", "TypeError"}


def test_an_uncaught_exception_is_reported_as_unhandled(run: Run, project: Project):
    run("uncaught", status=1)
    project.holds(("OrderError", "order 10 has no items", "error"))
    assert project.event("order 10 has no items")["exceptions"][-1]["handled"] is False


def test_an_exception_that_ends_a_thread_is_reported(run: Run, project: Project):
    run("thread")
    project.holds(("OrderError", "order 11 has no items", "error"))


def test_messages_keep_their_level(run: Run, project: Project):
    run("levels")
    project.holds(
        (None, "a message at debug", "debug"),
        (None, "a message at info", "info"),
        (None, "a message at warning", "warning"),
        (None, "a message at error", "error"),
        (None, "a message at fatal", "critical"),
        (None, "a message at no level", "info"),
    )


def test_the_logging_integration_reports_errors_and_keeps_the_rest_as_breadcrumbs(run: Run, project: Project):
    run("logged")
    project.holds(
        (None, "order A-1 failed after 3 tries", "error"),
        (None, "the till is on fire", "critical"),
        ("OrderError", "order 12 has no items", "error"),
    )
    event = project.event("order A-1 failed after 3 tries")
    assert event["template"] == "order %s failed after %d tries"
    assert event["logger"] == "shop.orders"
    assert [crumb["message"] for crumb in event["breadcrumbs"]] == ["only a breadcrumb"]


def test_tags_user_contexts_release_and_environment_are_kept(run: Run, project: Project):
    run("details")
    project.holds((None, "with details", "warning"))
    event = project.event("with details")
    assert event["tags"]["shop"] == "north"
    assert event["user"]["id"] == "u-1"
    assert event["contexts"]["order"] == {"number": 7, "open": True}
    assert event["extra"]["basket"] == ["pear", "plum"]
    assert [crumb["message"] for crumb in event["breadcrumbs"]] == ["added a pear"]
    assert (event["release"], event["environment"]) == ("shop@1.2.3", "staging")
    assert event["sdk"]["name"].startswith("sentry.python")


def test_big_events_arrive_cut_not_lost(run: Run, project: Project):
    run("big")
    cut = "z" * 8_192
    project.holds((None, cut, "error"), ("OrderError", "deep down below 1000", "error"))


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


def test_transactions_sessions_logs_and_metrics_are_no_events(run: Run, project: Project):
    run("noise")
    project.holds((None, "inside a transaction", "info"))


def test_every_compression_that_the_sdk_has_is_understood(project: Project):
    for algorithm in ("gzip", "br"):
        project.python("sentry_events.py", "exceptions", algorithm)
    project.holds(
        ("OrderError", "order 7 has no items", "error"),
        ("KeyError", "'sku'", "error"),
        ("RuntimeError", "RuntimeError", "error"),
        times=2,
    )


def test_a_dsn_may_name_a_path(project: Project):
    host, _, number = project.dsn.rpartition("/")
    project.python("sentry_events.py", "details", SENTRY_DSN=f"{host}/behind/a/proxy/{number}")
    project.holds((None, "with details", "warning"))
