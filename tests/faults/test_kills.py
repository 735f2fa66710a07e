"""`kill -9` of each process of the embedded default under load, and of all at once: nothing lost, nothing doubled."""

import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.ledger import Ledger
from tests.e2e.stack import Stack, eventually

pytestmark = [pytest.mark.live, pytest.mark.slow]
EVENTS = 3_000


@pytest.fixture
def atlas(tmp_path: Path):
    stack = Stack(tmp_path / "data").start().wait_ready()
    try:
        yield stack
    finally:
        family = stack.family()
        assert stack.stop() == 0, stack.log()[-3000:]
        eventually(lambda: not any(_runs(member) for member in family), within_s=10, what="nothing is left running")


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def under_load(atlas: Stack, path: Path, disturb) -> None:
    user = atlas.user()
    project = user.new_project("load")
    for condition, threshold in (("new_issue", 0), ("count_threshold", 50)):
        body = {"name": condition, "condition": condition, "threshold": threshold}
        user.post("alerts", f"/projects/{project['id']}/rules", body, 201)
    ledger = Ledger(atlas, project["api_key"], path)
    load = threading.Thread(
        target=ledger.send_many, args=(EVENTS,), kwargs={"clients": 8, "duplicates": 0.1, "pause_s": 0.01}
    )
    load.start()
    disturb()
    load.join()
    atlas.wait_ready()
    user = atlas.user()
    ledger.check(user, project["id"])

    def alerts() -> list[tuple[str, str]]:
        listed = user.get("alerts", f"/projects/{project['id']}/alerts")["alerts"]
        return [(alert["rule_id"], alert["issue_id"]) for alert in listed]

    eventually(lambda: len(alerts()) >= 40, within_s=60, what=lambda: f"40 alerts, there are {len(alerts())}")
    assert len(alerts()) == len(set(alerts())) == 40


@pytest.mark.parametrize(
    "words",
    ["run ingestion", "run identity", "run dashboards", "bin/postgres"],
    ids=["ingestion", "services", "dashboards", "postgres"],
)
def test_each_process_may_be_killed_under_load(atlas: Stack, tmp_path: Path, words: str):
    def disturb() -> None:
        for _ in range(2):
            time.sleep(2)
            atlas.child(words).kill()

    under_load(atlas, tmp_path / "ledger", disturb)


def test_all_of_it_may_be_killed_at_once_and_started_again(atlas: Stack, tmp_path: Path):
    def disturb() -> None:
        time.sleep(2)
        atlas.kill_all()
        atlas.start()

    under_load(atlas, tmp_path / "ledger", disturb)


def test_when_the_supervisor_alone_is_killed_nothing_is_left_running(atlas: Stack):
    family = atlas.family()
    family[0].kill()
    assert atlas.process is not None
    atlas.process.wait(10)
    eventually(lambda: not any(_runs(member) for member in family), within_s=30, what="everything ends")
    atlas.start().wait_ready()
