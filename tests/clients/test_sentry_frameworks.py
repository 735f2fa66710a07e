"""sentry-sdk's integrations of web frameworks: a failing request is one event, a refused one is none."""

import pytest

from tests.clients.project import Project

pytestmark = [pytest.mark.live, pytest.mark.slow]
DIVISION = ("ZeroDivisionError", "division by zero", "error")
LOOKUP = ("LookupError", "no such customer", "error")
LOGGED = (None, "stock of pears is negative", "error")


@pytest.fixture
def sdk(request: pytest.FixtureRequest):
    """The folder of the SDK that is to be used instead of the installed one, or None."""
    return request.getfixturevalue("sentry_sdk_1") if request.param == "1.45" else None


both = pytest.mark.parametrize("sdk", ["current", "1.45"], indirect=True)


@both
def test_flask(project: Project, sdk):
    project.python("sentry_flask.py", before=sdk)
    project.holds(DIVISION, LOOKUP, LOGGED)
    event = project.event("division by zero")
    assert event["transaction"] == "boom"
    assert event["request"]["url"] == "http://localhost/boom/7"
    assert event["exceptions"][-1]["handled"] is False
    assert event["environment"] == "flask"


@both
def test_fastapi(project: Project, sdk):
    project.python("sentry_fastapi.py", before=sdk)
    project.holds(DIVISION, LOOKUP, LOGGED, ("TimeoutError", "the mail was not sent", "error"))
    event = project.event("division by zero")
    assert event["transaction"] == "/boom/{order}"
    assert event["request"]["method"] == "GET"


@both
def test_django(project: Project, sdk):
    project.python("sentry_django.py", before=sdk)
    project.holds(DIVISION, LOOKUP, LOGGED)
    event = project.event("division by zero")
    assert event["transaction"] == "/boom/{order}"
    assert event["request"]["url"] == "http://testserver/boom/7"
