"""OpenTelemetry's SDKs, Python and JavaScript, set up by their own variables: errors are events, all else is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]
Run = Callable[..., None]


@pytest.fixture(params=["http", "proto"])
def node(request: pytest.FixtureRequest, project: Project, node_clients: Path) -> Run:
    """Run a scenario of programs/opentelemetry_node.js, sent as JSON or as protobuf."""

    def run(scenario: str, **environment: str) -> None:
        project.node(node_clients, "opentelemetry_node.js", scenario, OTLP_FORM=request.param, **environment)

    return run


def test_of_pythons_log_records_errors_are_events(project: Project):
    project.python("opentelemetry_python.py", "logged")
    project.holds((None, "a record at ERROR", "error"), (None, "a record at CRITICAL", "critical"))
    event = project.event("a record at ERROR")
    assert (event["release"], event["environment"]) == ("1.2.3", "staging")
    assert event["server_name"] == "till-7"
    assert event["platform"] == "python"


def test_pythons_exceptions_are_events_at_the_level_they_were_logged_at(project: Project):
    project.python("opentelemetry_python.py", "exceptions")
    project.holds(
        ("OrderError", "order 7 has no items", "error"),
        ("ConnectionError", "the shop is closed", "warning"),
        ("LookupError", "no such customer", "critical"),
    )
    trace = project.event("the shop is closed")["stack_trace"]
    assert "OrderError: order 8 has no items" in trace
    assert trace.rstrip().endswith("ConnectionError: the shop is closed")


def test_exceptions_of_pythons_spans_are_events(project: Project):
    project.python("opentelemetry_python.py", "spans")
    project.holds(
        ("__main__.OrderError", "order 9 has no items", "error"),
        ("ValueError", "first", "error"),
        ("ValueError", "second", "error"),
    )


def test_an_exception_that_is_both_logged_and_on_its_span_is_counted_once(project: Project):
    project.python("opentelemetry_python.py", "both")
    project.holds(("TimeoutError", "the bank does not answer", "error"))


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_every_compression_of_the_python_exporter_is_understood(project: Project, compression: str):
    project.python("opentelemetry_python.py", "big", OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    project.holds((None, "z" * 8_192, "error"))


def test_unicode_from_python_arrives_whole_and_what_no_database_holds_is_replaced(project: Project):
    project.python("opentelemetry_python.py", "unicode")
    project.holds((None, "naïve \ufffd 日本語 \U0001f600", "error"), (None, "over\ntwo lines", "error"))


def test_a_burst_of_python_is_counted_to_the_last_record(project: Project):
    project.python("opentelemetry_python.py", "burst")
    project.holds(*((None, f"burst {number}", "error") for number in range(10)), times=20)


def test_settings_made_for_sentrys_own_otlp_routes_work_as_they_are(project: Project):
    base, _, number = project.dsn.partition("@")[2].rpartition("/")
    endpoint = f"http://{base}/api/{number}/integration/otlp"
    key = f"x-sentry-auth=sentry sentry_key={project.key}"
    project.python(
        "opentelemetry_python.py", "both", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_HEADERS=key
    )
    project.holds(("TimeoutError", "the bank does not answer", "error"))


def test_of_javascripts_log_records_errors_are_events(node: Run, project: Project):
    node("logged")
    project.holds(
        (None, "a record at ERROR", "error"),
        (None, "a record at FATAL", "critical"),
        (None, "a record with a text alone", "error"),
        (None, '{"order":7,"open":true}', "error"),
    )
    event = project.event("a record at FATAL")
    assert (event["release"], event["environment"]) == ("1.2.3", "staging")


def test_javascripts_exceptions_are_events_at_the_level_they_were_logged_at(node: Run, project: Project):
    node("exceptions")
    project.holds(
        ("OrderError", "order 7 has no items", "error"),
        ("TypeError", "no price", "warning"),
        ("LookupError", "no such customer", "critical"),
    )
    assert "opentelemetry_node.js" in project.event("order 7 has no items")["stack_trace"]


def test_exceptions_of_javascripts_spans_are_events(node: Run, project: Project):
    node("spans")
    project.holds(("OrderError", "first", "error"), ("ENOENT", "second", "error"))


def test_unicode_from_javascript_arrives_whole(node: Run, project: Project):
    node("unicode")
    # JSON carries half of a surrogate pair to Atlas, protobuf's writer replaces it: both end alike.
    project.holds((None, "naïve \ufffd 日本語 \U0001f600", "error"), (None, "half a pair: \ufffd!", "error"))


def test_big_compressed_records_of_javascript_arrive_cut(node: Run, project: Project):
    node("big", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    project.holds((None, "z" * 8_192, "error"))


def test_a_burst_of_javascript_is_counted_to_the_last_record(node: Run, project: Project):
    node("burst")
    project.holds(*((None, f"burst {number}", "error") for number in range(10)), times=20)
