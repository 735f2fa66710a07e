"""The issues page: choose a project, watch its issues and alerts, open one."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final

import ipywidgets

from dashboards.client import ApiError, Client, ServiceUrls, SessionEndedError
from dashboards.markup import escaped, muted
from dashboards.pages import hints
from dashboards.pages.alerts_card import AlertsCard
from dashboards.pages.issue_detail import IssueDetail
from dashboards.polling import Sleep, Tasks, poll
from dashboards.records import Overview, Project
from dashboards.visit import log_to_server, take_visit
from dashboards.widgets.address import Address
from dashboards.widgets.issue_table import IssueTable

INGESTION_URL: Final = "http://127.0.0.1:8081"


class IssuesPage(ipywidgets.VBox):
    """The whole page; `start` makes it live."""

    def __init__(
        self,
        client: Client,
        query: Mapping[str, str],
        *,
        urls: ServiceUrls,
        ingestion_url: str = INGESTION_URL,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client, self._urls, self._ingestion_url, self._sleep = client, urls, ingestion_url, sleep
        self._silent = False
        self.tasks = Tasks(self._failed)
        self._of_project, self._of_issue = Tasks(self._failed), Tasks(self._failed)
        self.address = Address(params=dict(query))
        self.projects = ipywidgets.Dropdown(description="Project", options=[], disabled=True)
        self.tiles = ipywidgets.HTML(tiles_html(None))
        self.notice = ipywidgets.HTML(muted("Loading your projects…"))
        self.table = IssueTable(query=query.get("q", ""))
        self.hint = ipywidgets.HTML()
        self.alerts = AlertsCard(self._acknowledge)
        self.detail = IssueDetail(client, sleep)
        bar = ipywidgets.HBox([ipywidgets.HTML("<h1>Issues</h1>"), self.projects, self.tiles]).add_class("atlas-head")
        left = ipywidgets.VBox([self.hint, self.table, self.alerts]).add_class("atlas-column")
        right = ipywidgets.VBox([self.detail]).add_class("atlas-column")
        self._split = ipywidgets.Box([left, right]).add_class("atlas-split")
        super().__init__([bar, self.notice, self._split, self.address])
        self.projects.observe(self._project_chosen, "value")
        self.table.observe(self._issue_chosen, "selected")
        self.table.observe(self._query_typed, "query")
        self.address.observe(self._address_changed, "params")

    def start(self) -> "IssuesPage":
        """Start loading; to be called once, on the kernel's loop."""
        self.tasks.start(poll(self._load_projects, self._say, self._sleep))
        return self

    def stop(self) -> None:
        """End every task of the page."""
        for tasks in (self.tasks, self._of_project, self._of_issue):
            tasks.cancel()

    async def _load_projects(self) -> None:
        projects = await self._client.projects()
        options = [(project.project_name, project.id) for project in projects]
        if not projects:
            self.notice.value = hints.first_project(self._urls.identity)
        if options == list(self.projects.options):
            return
        self.notice.value = ""
        self.projects.disabled = False
        wanted = self.projects.value or self.address.params.get("project", "")
        before = self.projects.value
        self._silent = True  # new options make the widget choose the first one; that is nobody's choice
        self.projects.options = options
        self.projects.value = chosen(projects, wanted)
        self._silent = False
        if self.projects.value != before:
            self._open_project()

    def _project_chosen(self, _change: object) -> None:
        if not self._silent:
            self._open_project()

    def _open_project(self) -> None:
        self._of_project.cancel()
        project_id = self.projects.value
        if project_id is None:
            return
        wanted = self.address.params
        same = wanted.get("project", project_id) == project_id
        self.table.clear()
        self.hint.value, self.notice.value, self.tiles.value = "", "", tiles_html(None)
        self.alerts.clear()
        before, self.table.selected = self.table.selected, wanted.get("issue", "") if same else ""
        if self.table.selected == before:
            self._issue_chosen(None)
        self._of_project.start(poll(self._load_issues, self._say, self._sleep))
        self._of_project.start(poll(self._load_alerts, self.alerts.failed, self._sleep))

    async def _load_issues(self) -> None:
        project_id = self.projects.value
        issues, overview = await asyncio.gather(self._client.issues(project_id), self._client.overview(project_id))
        self.table.show(issues)
        self.tiles.value = tiles_html(overview)
        self.hint.value = "" if issues else hints.first_event(self._ingestion_url)
        self.table.layout.display = None if issues else "none"
        self.notice.value = ""
        shown = next((issue for issue in issues if issue.id == self.table.selected), None)
        if shown is not None:
            self.detail.refresh(shown)

    async def _load_alerts(self) -> None:
        project_id = self.projects.value
        alerts, unread = await asyncio.gather(self._client.alerts(project_id), self._client.unread_alerts(project_id))
        self.alerts.show(alerts, unread)

    def _acknowledge(self, alert_id: str) -> None:
        self._of_project.start(self._acknowledged(alert_id))

    async def _acknowledged(self, alert_id: str) -> None:
        await self._client.acknowledge(alert_id)
        await self._load_alerts()

    def _issue_chosen(self, _change: object) -> None:
        self._open_issue()
        self._write_address()

    def _open_issue(self) -> None:
        self._of_issue.cancel()
        if self.table.selected and self.projects.value:
            self._of_issue.start(self.detail.show(self.projects.value, self.table.selected))
        else:
            self.detail.clear()

    def _query_typed(self, _change: object) -> None:
        self._write_address()

    def _write_address(self) -> None:
        if self._silent:
            return
        found = {"project": self.projects.value, "issue": self.table.selected, "q": self.table.query}
        self.address.params = {name: value for name, value in found.items() if value}

    def _address_changed(self, change: Mapping[str, Any]) -> None:
        wanted: dict[str, str] = change["new"]
        before = self.projects.value
        known = [project_id for _name, project_id in self.projects.options]
        self._silent = True  # the address is right already; writing it again would break Back
        self.table.query = wanted.get("q", "")
        if wanted.get("project") in known:
            self.projects.value = wanted["project"]
        if self.projects.value != before:
            self._open_project()
        self.table.selected = wanted.get("issue", "")
        self._silent = False

    def _say(self, error: ApiError, wait_s: float) -> None:
        self.notice.value = (
            f'<div class="atlas-notice" role="alert" data-state="error">{escaped(error)} '
            f"Trying again in {wait_s:.0f} s; what you see may be old.</div>"
        )

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, SessionEndedError):
            self.stop()
            self.notice.value = hints.session_ended()
            return
        words = str(error) if isinstance(error, ApiError) else "A part of this page stopped working: reload it."
        self.notice.value = f'<div class="atlas-notice" role="alert" data-state="error">{escaped(words)}</div>'


def chosen(projects: list[Project], wanted: str) -> str | None:
    """Return the id of the wanted project if the visitor has it, of the first one otherwise."""
    ids = [project.id for project in projects]
    return wanted if wanted in ids else next(iter(ids), None)


def tiles_html(overview: Overview | None) -> str:
    """Return the project's numbers; dashes while they are unknown."""
    numbers = {
        "open": overview and overview.open_issues,
        "critical": overview and overview.critical_count,
        "error": overview and overview.error_count,
        "resolved": overview and overview.resolved_issues,
        "total": overview and overview.total_issues,
    }
    tiles = "".join(
        f'<div class="atlas-tile" data-tile="{name}"><b>{"-" if number is None else f"{number:,}"}</b>'
        f"<span>{name}</span></div>"
        for name, number in numbers.items()
    )
    return f'<div class="atlas-tiles" role="group" aria-label="Issues of this project">{tiles}</div>'


def issues_page() -> ipywidgets.Widget:
    """Return the live page of the visitor whom this kernel serves."""
    log_to_server()
    urls = ServiceUrls.from_environment(os.environ)
    visit = take_visit(os.environ)
    ingestion_url = os.environ.get("ATLAS_INGESTION_URL", INGESTION_URL)
    page = IssuesPage(Client(urls, visit.token), visit.query, urls=urls, ingestion_url=ingestion_url)
    return page.start()
