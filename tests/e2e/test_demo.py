"""`atlas demo`, as a new user runs it beside a running Atlas."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.stack import QUIET_S, Stack, eventually

pytestmark = [pytest.mark.live, pytest.mark.slow]
EVENTS = 120


def test_the_demo_shows_issues_an_alert_for_each_and_insights_that_wait(embedded: Stack):
    user, project_id = embedded.user(), embedded.account()["project_id"]
    before = user.counted(project_id)
    known = {issue["id"] for issue in user.issues(project_id)}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "demo", "--events", str(EVENTS)],
        env=embedded.environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert embedded.account()["email"] in done.stdout
    eventually(lambda: user.counted(project_id) == before + EVENTS, within_s=QUIET_S, what=embedded.log)
    new = {issue["id"]: issue for issue in user.issues(project_id) if issue["id"] not in known}
    assert len(new) >= 5

    def alerted() -> set[str]:
        return {alert["issue_id"] for alert in user.get("alerts", f"/projects/{project_id}/alerts")["alerts"]}

    eventually(lambda: alerted() >= new.keys(), within_s=QUIET_S, what=embedded.log)
    errors = [issue_id for issue_id, issue in new.items() if issue["level"] in {"error", "critical"}]

    def waits(issue_id: str) -> bool:
        answer = user.get("intelligence", f"/issues/{issue_id}/insight", 404)
        return answer["state"] == "pending"

    eventually(lambda: all(waits(issue_id) for issue_id in errors), within_s=QUIET_S, what=embedded.log)
