"""The issues page: choose a project, watch its issues and alerts, open one."""

import asyncio
from collections.abc import Mapping
from typing import Final

import ipywidgets

from dashboards.alert_rules import AlertRules
from dashboards.client import Client, RefusedError
from dashboards.issue_work import IssueWork
from dashboards.pages import hints
from dashboards.pages.alerts_card import AlertsCard
from dashboards.pages.bulk_bar import BulkBar
from dashboards.pages.issue_detail import IssueDetail
from dashboards.pages.project_page import HERE, ProjectPage, Surroundings, live
from dashboards.pages.rules_card import RulesCard
from dashboards.pages.views_bar import ViewsBar
from dashboards.polling import Tasks, poll
from dashboards.records import Issue, Overview
from dashboards.saved_views import SavedViews
from dashboards.widgets.issue_table import DEFAULT_SORT, PAGE_SIZE, SORTS, IssueTable

RARELY_S: Final = 30.0


class IssuesPage(ProjectPage):
    """The list of a project's issues, its alerts, and one issue."""

    def __init__(self, client: Client, query: Mapping[str, str], surroundings: Surroundings = HERE) -> None:
        super().__init__(client, query, surroundings)
        self._of_list, self._of_issue = Tasks(self.failed), Tasks(self.failed)
        # What a visitor asked for runs to its end, whatever is shown meanwhile.
        self._deeds = Tasks(self.failed)
        self._listed: dict[str, Issue] = {}
        self.tiles = ipywidgets.HTML(tiles_html(None))
        self.table = IssueTable(query.get("q", ""), query.get("sort", ""))
        self.hint = ipywidgets.HTML()
        self.views = ViewsBar(SavedViews(client), self._view_chosen, self._deeds.start)
        self.bulk = BulkBar(IssueWork(client), self._edited, self._deeds.start)
        self.alerts = AlertsCard(self._acknowledge)
        self.rules = RulesCard(AlertRules(client), self._deeds.start)
        self.detail = IssueDetail(client, self.failed, self._event_chosen, self.sleep)
        self._event = self._event_of_link = ""
        left = ipywidgets.VBox([self.hint, self.views, self.table, self.bulk, self.alerts, self.rules]).add_class(
            "atlas-column"
        )
        right = ipywidgets.VBox([self.detail]).add_class("atlas-column")
        self.lay_out("Issues", [self.tiles], [ipywidgets.Box([left, right]).add_class("atlas-split")])
        self.table.observe(self._issue_chosen, "selected")
        self.table.observe(self._list_asked, ["query", "sort", "page"])
        self.table.observe(self._marked, "marked")

    def stop(self) -> None:
        """End every task of the page."""
        super().stop()
        self._of_list.cancel()
        self._of_issue.cancel()
        self._deeds.cancel()
        self.detail.stop()

    def open_project(self, project_id: str, *, same: bool) -> None:
        """Show this project's issues and alerts; keep the issue of the address if it is of this project."""
        self.table.clear()
        self.bulk.clear()
        self.hint.value, self.tiles.value = "", tiles_html(None)
        self.alerts.clear()
        wanted = self.address.params if same else {}
        self._select(wanted.get("issue", ""), wanted.get("event", ""))
        self._list_asked(None)
        self.of_project.start(poll(self._load_alerts, self.alerts.failed, self.sleep))
        self.of_project.start(poll(lambda: self.views.load(project_id), self.say, self.sleep, RARELY_S))

    def params(self) -> dict[str, str]:
        """Return the open issue, the event that was gone to, the filter and the order."""
        sort = {"sort": self.table.sort} if self.table.sort != DEFAULT_SORT else {}
        return {"issue": self.table.selected, "event": self._event, "q": self.table.query, **sort}

    def restore(self, wanted: Mapping[str, str]) -> None:
        """Show the issue, the event, the filter and the order of an address."""
        self.table.query = wanted.get("q", "")
        self.table.sort = wanted["sort"] if wanted.get("sort") in SORTS else DEFAULT_SORT
        issue_id, event_id = wanted.get("issue", ""), wanted.get("event", "")
        if issue_id == self.table.selected and event_id and event_id != self._event:
            self._event = event_id
            self.detail.show_event(event_id)
        elif (issue_id, event_id) != (self.table.selected, self._event):
            self._select(issue_id, event_id)

    def _select(self, issue_id: str, event_id: str) -> None:
        """Open an issue at an event, as an address asks."""
        self._event_of_link = event_id
        before, self.table.selected = self.table.selected, issue_id
        if issue_id == before:
            self._issue_chosen(None)

    def _event_chosen(self, event_id: str) -> None:
        self._event = event_id
        self.write_address()

    def _list_asked(self, _change: object) -> None:
        self._of_list.cancel()
        if self.projects.value:
            self._of_list.start(poll(self._load_issues, self.say, self.sleep))
        self.views.follow(self.table.query, self.table.sort)
        self.write_address()

    def _view_chosen(self, query: str, sort: str) -> None:
        with self.table.hold_trait_notifications():
            self.table.query, self.table.sort = query, sort if sort in SORTS else DEFAULT_SORT

    def _marked(self, _change: object) -> None:
        self.bulk.choose([self._listed[issue_id] for issue_id in self.table.marked if issue_id in self._listed])

    def _edited(self) -> None:
        self.table.marked = []
        self._list_asked(None)

    async def _load_issues(self) -> None:
        overview = await self.client.overview(self.projects.value)
        self.tiles.value = tiles_html(overview)
        self.hint.value = "" if overview.total_issues else hints.first_event(self.surroundings.ingestion_url)
        self.table.layout.display = self.views.layout.display = None if overview.total_issues else "none"
        if not self.table.problem:
            await self._load_page(None if self.table.query.strip() else overview.total_issues)
        self.notice.value = ""

    async def _load_page(self, total: int | None) -> None:
        table = self.table
        try:
            found = await self.client.issues(
                self.projects.value, query=table.query, sort=table.sort, limit=PAGE_SIZE, cursor=table.cursor
            )
        except RefusedError as error:
            table.refuse(str(error), error.detail.get("position") if isinstance(error.detail, dict) else None)
            return
        self._listed = {issue.id: issue for issue in found.issues}
        table.show(found, total)
        self._marked(None)
        shown = next((issue for issue in found.issues if issue.id == table.selected), None)
        if shown is not None:
            self.detail.refresh(shown)

    async def _load_alerts(self) -> None:
        project_id = self.projects.value
        alerts, unread, _rules = await asyncio.gather(
            self.client.alerts(project_id), self.client.unread_alerts(project_id), self.rules.load(project_id)
        )
        self.alerts.show(alerts, unread)

    def _acknowledge(self, alert_id: str) -> None:
        self.of_project.start(self._acknowledged(alert_id))

    async def _acknowledged(self, alert_id: str) -> None:
        await self.client.acknowledge(alert_id)
        await self._load_alerts()

    def _issue_chosen(self, _change: object) -> None:
        self._of_issue.cancel()
        self._event, self._event_of_link = self._event_of_link, ""
        if self.table.selected and self.projects.value:
            self._of_issue.start(self.detail.show(self.projects.value, self.table.selected, self._event))
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
