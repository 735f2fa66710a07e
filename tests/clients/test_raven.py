"""raven 6.10, the client before sentry-sdk, which old applications still run: the store route, deflate, version 6."""

from pathlib import Path

import pytest

from tests.clients.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_exceptions_messages_and_log_records_of_raven_arrive(project: Project, raven: Path):
    project.python("raven_events.py", before=raven)
    project.holds(
        ("LookupError", "order 7 has no items", "error"),
        ("ConnectionError", "the shop is closed", "error"),
        (None, "a message at debug", "debug"),
        (None, "a message at info", "info"),
        (None, "a message at warning", "warning"),
        (None, "a message at error", "error"),
        (None, "a message at fatal", "critical"),
        (None, "order A-1 failed", "error"),
        (None, "naïve \ufffd 日本語", "info"),
    )
    event = project.event("naïve \ufffd 日本語")
    assert event["tags"]["shop"] == "north"
    assert (event["release"], event["environment"]) == ("shop@1.2.3", "staging")
    assert [one["type"] for one in project.event("the shop is closed")["exceptions"]] == [
        "LookupError",
        "ConnectionError",
    ]
    assert project.event("order A-1 failed")["template"] == "order %s failed"
