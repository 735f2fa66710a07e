"""What notebooks read, and what the runbook of consumer lag says, from a scripted Atlas."""

import json

import httpx
import pandas as pd
import pytest

from atlas_core.settings import read_settings
from atlas_core.topics import ATLAS_EVENTS, INSIGHT_JOBS, ISSUE_UPDATES
from dashboards.consumer_lag import READERS, advise, measure
from dashboards.frames import NotebookError, Workbench

ACCOUNT = {"email": "a@example.org", "password": "p", "project_id": "project"}
AT = "2026-11-25T08:00:0{}Z"


def no_sleep(_seconds: float) -> None:
    """Time does not pass."""


def issue(title: str, count: int) -> dict[str, object]:
    return {"id": title, "title": title, "type": None, "level": "error", "status": "open", "count": count,
            "first_seen": AT.format(1), "last_seen": AT.format(2), "fingerprint": "f"}  # fmt: skip


def event(number: int) -> dict[str, object]:
    return {"event_id": str(number), "issue_id": "i", "type": None, "message": "m", "level": "error",
            "timestamp": AT.format(1), "received_at": AT.format(2), "release": None, "environment": None}  # fmt: skip


class ScriptedAtlas:
    """Answers as the services would; tests change what it says."""

    def __init__(self) -> None:
        self.lags: dict[tuple[str, str], list[int]] = {}
        self.down: set[str] = set()
        self.not_ready: dict[str, dict[str, str]] = {}
        self.pages = [[event(n) for n in range(100)], [event(n) for n in range(100, 130)]]

    def answer(self, request: httpx.Request) -> httpx.Response:
        service = request.url.host
        if service in self.down:
            raise httpx.ConnectError("refused", request=request)
        path = request.url.path
        if path == "/auth/signin":
            return httpx.Response(200, json={"token": "t"})
        if path == "/metrics":
            return httpx.Response(200, text=self._metrics(service))
        if path == "/readyz":
            detail = self.not_ready.get(service)
            return httpx.Response(503, json={"error": "not ready", "detail": detail}) if detail else httpx.Response(200)
        assert request.headers["authorization"] == "Bearer t"
        if path.endswith("/issues"):
            return httpx.Response(200, json={"issues": [issue("rare", 1), issue("often", 9), issue("also", 9)]})
        if path.endswith("/events"):
            number = int(request.url.params.get("cursor") or 0)
            following = str(number + 1) if number + 1 < len(self.pages) else None
            return httpx.Response(200, json={"events": self.pages[number], "next_cursor": following})
        return httpx.Response(404, json={"error": "not found"})

    def _metrics(self, service: str) -> str:
        lines = ["# TYPE atlas_consumer_lag_messages gauge", "atlas_alerts_fired_total 3.0"]
        for key, reader in READERS.items():
            if reader == service and key in self.lags:
                values = self.lags[key]
                value = values.pop(0) if len(values) > 1 else values[0]
                lines.append(f'atlas_consumer_lag_messages{{group="{key[1]}",topic="{key[0]}"}} {value}.0')
        return "\n".join(lines)


@pytest.fixture
def scripted() -> ScriptedAtlas:
    return ScriptedAtlas()


@pytest.fixture
def atlas(scripted: ScriptedAtlas):
    names = ("identity", "issues", "alerts", "intelligence")
    settings = read_settings({f"ATLAS_{name.upper()}_URL": f"http://{name}" for name in names})
    with Workbench(ACCOUNT, settings, httpx.MockTransport(scripted.answer)) as workbench:
        yield workbench


def test_issues_are_a_frame_with_the_most_frequent_first(atlas):
    frame = atlas.issues()
    assert list(frame["title"]) == ["also", "often", "rare"]
    assert frame["count"].dtype == "int64"
    assert str(frame["last_seen"].dt.tz) == "UTC"


def test_events_are_read_page_by_page_up_to_the_wanted_number(atlas):
    assert len(atlas.events()) == 130
    assert list(atlas.events(most=105)["event_id"]) == [str(n) for n in range(105)]


def test_a_frame_without_rows_still_has_its_columns(atlas, scripted):
    scripted.pages = [[]]
    frame = atlas.events()
    assert frame.empty
    assert str(frame["received_at"].dtype).startswith("datetime64")


def test_an_error_names_the_service_and_what_to_do(atlas, scripted):
    with pytest.raises(NotebookError, match="issues answered 404"):
        atlas.event("nothing")
    scripted.down.add("issues")
    with pytest.raises(NotebookError, match="issues does not answer at http://issues: start Atlas"):
        atlas.issues()


def test_the_first_account_is_found_in_a_folder_above(tmp_path, monkeypatch):
    (tmp_path / ".atlas").mkdir()
    (tmp_path / ".atlas" / "first-account.json").write_text(json.dumps(ACCOUNT))
    (tmp_path / "notebooks" / "runbooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "runbooks")
    with pytest.raises(NotebookError, match="identity does not answer"):
        Workbench(settings=read_settings({"ATLAS_IDENTITY_URL": "http://127.0.0.1:9"}))
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(NotebookError, match=r"no first-account\.json"):
        Workbench(settings=read_settings({}))


def said(atlas: Workbench, topic: str) -> tuple[object, str, str]:
    table = advise(measure(atlas, seconds=10, sleep=no_sleep))
    row = table[table["topic"] == topic].iloc[0]
    return row["lag"], row["why"], row["do"]


def lags(first: int, second: int) -> dict[tuple[str, str], list[int]]:
    return {key: [first, second] for key in READERS}


def test_nothing_is_to_be_done_when_nothing_waits(atlas, scripted):
    scripted.lags = lags(3, 0)
    table = advise(measure(atlas, seconds=10, sleep=no_sleep))
    assert set(table["why"]) == {"everything is handled"}
    assert set(table["do"]) == {"nothing"}
    assert list(table["lag"]) == [0, 0, 0, 0]


def test_a_lag_that_shrinks_says_how_long_it_takes(atlas, scripted):
    scripted.lags = lags(300, 200)
    assert said(atlas, ATLAS_EVENTS.name) == (200, "catching up by 10.0 a second", "wait about 20 s")


@pytest.mark.parametrize(("second", "why"), [(300, "more arrives"), (200, "as much arrives")])
def test_a_lag_that_stays_asks_for_another_worker(atlas, scripted, second, why):
    scripted.lags = lags(200, second)
    lag, said_why, do = said(atlas, ATLAS_EVENTS.name)
    assert lag == second
    assert said_why.startswith(why)
    assert "atlas run issues" in do


def test_insights_that_wait_for_the_model_are_no_alarm(atlas, scripted):
    scripted.lags = lags(5, 9)
    _, why, do = said(atlas, INSIGHT_JOBS.name)
    assert why.startswith("the model is slower")
    assert do.startswith("wait")


def test_a_service_that_is_not_ready_gives_its_own_reason(atlas, scripted):
    scripted.lags = lags(5, 9)
    scripted.not_ready = {"issues": {"database": "PostgreSQL: connection refused"}}
    _, why, do = said(atlas, ATLAS_EVENTS.name)
    assert why == "database: PostgreSQL: connection refused"
    assert "none is lost" in do


def test_a_consumer_that_stopped_over_dead_letters_asks_to_read_them(atlas, scripted):
    scripted.lags = lags(5, 5)
    scripted.not_ready = {"alerts": {"worker": "21 messages in a row became dead letters, so consuming has stopped"}}
    _, _, do = said(atlas, ISSUE_UPDATES.name)
    assert do.startswith("read the reasons")


def test_a_service_that_is_down_is_to_be_started_and_its_lag_is_unknown(atlas, scripted):
    scripted.lags = lags(5, 5)
    scripted.down = {"issues"}
    lag, why, do = said(atlas, ATLAS_EVENTS.name)
    assert pd.isna(lag)
    assert "issues does not answer" in why
    assert "atlas run issues" in do
