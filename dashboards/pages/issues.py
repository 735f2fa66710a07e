"""The issues page: choose a project, watch its issues and alerts, open one."""

import asyncio
from collections.abc import Mapping

import ipywidgets

from dashboards.client import Client
from dashboards.pages import hints
from dashboards.pages.alerts_card import AlertsCard
from dashboards.pages.issue_detail import IssueDetail
from dashboards.pages.project_page import HERE, ProjectPage, Surroundings, live
from dashboards.polling import Tasks, poll
from dashboards.records import Overview
from dashboards.widgets.issue_table import IssueTable


class IssuesPage(ProjectPage):
    """The list of a project's issues, its alerts, and one issue."""

    def __init__(self, client: Client, query: Mapping[str, str], surroundings: Surroundings = HERE) -> None:
        super().__init__(client, query, surroundings)
        self._of_issue = Tasks(self.failed)
        self.tiles = ipywidgets.HTML(tiles_html(None))
        self.table = IssueTable(query=query.get("q", ""))
        self.hint = ipywidgets.HTML()
        self.alerts = AlertsCard(self._acknowledge)
        self.detail = IssueDetail(client, self.tasks.start, self.sleep)
        left = ipywidgets.VBox([self.hint, self.table, self.alerts]).add_class("atlas-column")
        right = ipywidgets.VBox([self.detail]).add_class("atlas-column")
        self.lay_out("Issues", [self.tiles], [ipywidgets.Box([left, right]).add_class("atlas-split")])
        self.table.observe(self._issue_chosen, "selected")
        self.table.observe(lambda _change: self.write_address(), "query")

    def stop(self) -> None:
        """End every task of the page."""
        super().stop()
        self._of_issue.cancel()

    def open_project(self, project_id: str, *, same: bool) -> None:
        """Show this project's issues and alerts; keep the issue of the address if it is of this project."""
        del project_id  # the choice is kept by the dropdown
        self.table.clear()
        self.hint.value, self.tiles.value = "", tiles_html(None)
        self.alerts.clear()
        wanted = self.address.params.get("issue", "") if same else ""
        before, self.table.selected = self.table.selected, wanted
        if self.table.selected == before:
            self._issue_chosen(None)
        self.of_project.start(poll(self._load_issues, self.say, self.sleep))
        self.of_project.start(poll(self._load_alerts, self.alerts.failed, self.sleep))

    def params(self) -> dict[str, str]:
        """Return the open issue and the filter."""
        return {"issue": self.table.selected, "q": self.table.query}

    def restore(self, wanted: Mapping[str, str]) -> None:
        """Show the issue and the filter of an address."""
        self.table.query = wanted.get("q", "")
        self.table.selected = wanted.get("issue", "")

    async def _load_issues(self) -> None:
        project_id = self.projects.value
        issues, overview = await asyncio.gather(self.client.issues(project_id), self.client.overview(project_id))
        self.table.show(issues)
        self.tiles.value = tiles_html(overview)
        self.hint.value = "" if issues else hints.first_event(self.surroundings.ingestion_url)
        self.table.layout.display = None if issues else "none"
        self.notice.value = ""
        shown = next((issue for issue in issues if issue.id == self.table.selected), None)
        if shown is not None:
            self.detail.refresh(shown)

    async def _load_alerts(self) -> None:
        project_id = self.projects.value
        alerts, unread = await asyncio.gather(self.client.alerts(project_id), self.client.unread_alerts(project_id))
        self.alerts.show(alerts, unread)

    def _acknowledge(self, alert_id: str) -> None:
        self.of_project.start(self._acknowledged(alert_id))

    async def _acknowledged(self, alert_id: str) -> None:
        await self.client.acknowledge(alert_id)
        await self._load_alerts()

    def _issue_chosen(self, _change: object) -> None:
        self._of_issue.cancel()
        if self.table.selected and self.projects.value:
            self._of_issue.start(self.detail.show(self.projects.value, self.table.selected))
        else:
            self.detail.clear()
        self.write_address()


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
    return live(IssuesPage)
