"""The story, on both profiles: an application fails, and a person sees it in a browser, with its alert and insight."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.e2e.stack import QUIET_S, Stack, eventually
from tests.servers.install import CHROMIUM_FLAGS
from tests.servers.ports import free_port

pytestmark = [pytest.mark.live, pytest.mark.slow]
HITS = {"/database-timeout": 3, "/null-reference": 2, "/unhandled": 1}
TITLES = {
    "TimeoutError: database query timed out after 30s": 3,
    "AttributeError: 'NoneType' object has no attribute 'email'": 2,
    "ZeroDivisionError: division by zero": 1,
}
ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "e2e"


@contextmanager
def sample_app(atlas: Stack, key: str) -> Iterator[str]:
    port = free_port()
    path = Path(__file__).parents[2] / "examples" / "sample_app.py"
    environment = {**os.environ, "ATLAS_API_KEY": key, "ATLAS_BASE_URL": atlas.url("ingestion")}
    process = subprocess.Popen(
        [sys.executable, str(path), "--port", str(port)], env=environment, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(address, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        eventually(answers, within_s=30, what="the sample app answers")
        yield address
    finally:
        process.terminate()
        process.wait(20)


def an_application_fails_and_somebody_reads_it(atlas: Stack, chromium_path: str, name: str) -> None:
    user = atlas.user()
    project = user.new_project("sample app")
    user.post(
        "alerts", f"/projects/{project['id']}/rules", {"name": "new", "condition": "new_issue", "threshold": 0}, 201
    )
    with sample_app(atlas, project["api_key"]) as address:
        for path, times in HITS.items():
            for _ in range(times):
                assert httpx.get(address + path, timeout=10).status_code == 500
        eventually(lambda: user.counted(project["id"]) == 6, within_s=QUIET_S, what=atlas.log)
    issues = {issue["title"]: issue for issue in user.issues(project["id"])}
    assert {title: issue["count"] for title, issue in issues.items()} == TITLES
    alerts = f"/projects/{project['id']}/alerts"
    eventually(lambda: len(user.get("alerts", alerts)["alerts"]) == 3, within_s=QUIET_S, what=atlas.log)
    written = f"/projects/{project['id']}/insights"
    eventually(lambda: len(user.get("intelligence", written)["insights"]) == 3, within_s=QUIET_S * 2, what=atlas.log)
    assert {insight["model_used"] for insight in user.get("intelligence", written)["insights"]} == {"atlas-tiny"}
    look(atlas, chromium_path, project["id"], issues["ZeroDivisionError: division by zero"]["id"], name)


def look(atlas: Stack, chromium_path: str, project_id: str, issue_id: str, name: str) -> None:
    account = atlas.account()
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=atlas.url("dashboards"))
        page.goto(f"/issues?project={project_id}&issue={issue_id}")
        page.get_by_label("Email").fill(account["email"])
        page.get_by_label("Password").fill(account["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("tr[data-id]")).to_have_count(3, timeout=60_000)
        expect(page.locator(".atlas-name")).to_contain_text("division by zero", timeout=30_000)
        expect(page.locator(".atlas-frames, pre").first).to_contain_text("sample_app.py", timeout=30_000)
        expect(page.locator("[data-insight=ready]")).to_be_visible(timeout=60_000)
        page.screenshot(path=ARTIFACTS / f"{name}.png")
        browser.close()


def test_the_story_on_the_embedded_default(embedded_with_model: Stack, chromium_path: str):
    an_application_fails_and_somebody_reads_it(embedded_with_model, chromium_path, "embedded")


def test_the_story_on_kafka_rabbitmq_and_postgresql(distributed: Stack, chromium_path: str):
    an_application_fails_and_somebody_reads_it(distributed, chromium_path, "distributed")
