"""One issue: what it is, what can be done to it, its stack trace, its insight, its history and its latest events."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import ipywidgets

from dashboards.client import ApiError, Client, MissingError, SessionEndedError, StaleError
from dashboards.issue_words import emails, stored_again
from dashboards.issue_work import IssueWork
from dashboards.markup import escaped, here, muted, problem
from dashboards.pages.event_card import EventCard
from dashboards.pages.grouping_card import GroupingCard
from dashboards.pages.history_card import SHOWN, HistoryCard
from dashboards.pages.insight_card import InsightCard
from dashboards.pages.issue_actions import IssueActions
from dashboards.pages.issue_head import events_html, head_html
from dashboards.pages.issue_ways import DISCARD
from dashboards.polling import Sleep, Tasks, poll
from dashboards.records import Issue, Member, RecentEvent

PERIOD_S: Final = 5.0


class IssueDetail(ipywidgets.VBox):
    """Shows the chosen issue; the parts load side by side, and one that fails does not take the others along.

    Args:
        client: Asks the services.
        failed: Is told what nothing else can be done about.
        event_chosen: Is told the id of the event that the visitor went to.
        sleep: How to wait.
    """

    def __init__(
        self,
        client: Client,
        failed: Callable[[BaseException], None],
        event_chosen: Callable[[str], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client, self._sleep, self._event_chosen = client, sleep, event_chosen
        self._work = IssueWork(client)
        # What a visitor does to an issue runs to its end, whatever is shown meanwhile.
        self._deeds, self._of_event = Tasks(failed), Tasks(failed)
        self._issue: Issue | None = None
        self._members: list[Member] = []
        self._counted = 0
        self._head, self._events = (ipywidgets.HTML().add_class("atlas-card") for _ in range(2))
        self.event = EventCard(client, self._gone_to)
        self._insight = InsightCard(client, sleep)
        self.actions = IssueActions(self._edit, self._undo, self._deeds.start)
        self.history = HistoryCard(self._comment, self._deeds.start)
        self.grouping = GroupingCard(self._merge, self._unmerge, self._deeds.start)
        super().__init__([self._head])
        self.add_class("atlas-detail")
        self.clear()

    def stop(self) -> None:
        """End every task of the issue."""
        self._deeds.cancel()
        self._of_event.cancel()

    def clear(self) -> None:
        """Show that no issue is chosen."""
        self._only("<h2>No issue selected</h2>" + muted("Pick one from the list: click, or arrows and Enter."))

    def refresh(self, issue: Issue) -> None:
        """Show the issue's newest numbers and standing; its stack trace stays. An older one changes nothing."""
        shown = self._issue
        if shown is None or shown.id != issue.id or issue.version < shown.version:
            return
        self._issue = issue
        self._head.value = head_html(issue, emails(self._members))
        if (issue.version, issue.status) != (shown.version, shown.status):
            self.actions.show(issue, self._members)
            self._deeds.start(self._load_history())

    def show_event(self, event_id: str) -> None:
        """Show this event of the issue; a newer choice overtakes an older one."""
        self._of_event.cancel()
        if self._issue:
            self._of_event.start(self.event.show(self._issue, event_id))

    async def show(self, project_id: str, issue_id: str, event_id: str = "") -> None:
        """Load and show the issue and one of its events (the newest, if none is named), then follow it for ever.

        Raises:
            SessionEndedError: The token is no longer accepted.
        """
        self._only("<h2>Issue</h2>" + muted("Loading the issue…"))
        try:
            issue = await self._client.issue(project_id, issue_id)
            self._members = await self._work.members(project_id)
        except SessionEndedError:
            raise
        except MissingError:
            self._only("<h2>Issue not found</h2>" + muted("It may be of another project. Pick one from the list."))
            return
        except ApiError as error:
            self._only("<h2>Issue</h2>" + problem(f"{error} Pick it again to retry."))
            return
        self._fill(issue)
        await asyncio.gather(
            self._insight.follow(issue_id),
            self._show_events(issue, event_id),
            self._show_grouping(),
            poll(self._load_again, self.history.failed, self._sleep, PERIOD_S),
        )

    def _only(self, html: str) -> None:
        self._issue = None
        self._of_event.cancel()
        self._head.value = html
        self.children = [self._head]

    def _fill(self, issue: Issue) -> None:
        self._issue = issue
        self._head.value = head_html(issue, emails(self._members))
        self.actions.show(issue, self._members)
        self.history.clear()
        self.grouping.clear()
        self.event.clear()
        self._events.value = "<h2>Recent events</h2>" + muted("Loading events…")
        self.children = [self._head, self.actions, self.event, self._insight, self.history, self.grouping, self._events]

    async def _edit(self, issue: Issue, changes: dict[str, Any]) -> None:
        try:
            edited = await (self._work.discard(issue) if changes == DISCARD else self._work.edit(issue, changes))
        except StaleError:
            self.refresh(await self._client.issue(issue.project_id, issue.id))
            raise
        self.refresh(edited)

    async def _undo(self, issue: Issue, action_id: str) -> None:
        self.refresh(await self._work.undo(issue, action_id))

    async def _merge(self, issue: Issue, other_id: str) -> None:
        self.refresh(await self._work.merge(issue, other_id))
        await self._show_grouping()

    async def _unmerge(self, issue: Issue, fingerprint: str) -> None:
        self.refresh(await self._work.unmerge(issue, fingerprint))
        await self._show_grouping()

    async def _comment(self, text: str) -> None:
        if self._issue:
            await self._work.comment(self._issue, text)
            await self._load_history()

    async def _load_again(self) -> None:
        shown = self._issue
        if shown is None:
            return
        issue = await self._client.issue(shown.project_id, shown.id)
        if issue.id != shown.id:
            link = here({"project": issue.project_id, "issue": issue.id})
            self._only(f'<h2>Merged into another issue</h2><p><a href="{link}">{escaped(issue.title)}</a></p>')
            return
        self.refresh(issue)
        if issue.count != self._counted:
            await self._load_events(issue)
        await self._load_history()

    async def _load_history(self) -> None:
        issue = self._issue
        if issue is None:
            return
        history = await self._work.history(issue, limit=SHOWN)
        if self._issue and self._issue.id == issue.id:
            self.history.show(history.activity, emails(self._members), more=history.next_cursor is not None)
            self.actions.offer_undo(history.activity)
            self.grouping.tell(stored_again(history.activity))

    async def _show_events(self, issue: Issue, event_id: str) -> None:
        newest = await self._load_events(issue)
        await self.event.show(issue, event_id or newest)

    async def _load_events(self, issue: Issue) -> str | None:
        """Show the issue's latest events and return the id of the newest one."""
        events: list[RecentEvent] = []
        try:
            events = await self._client.events(issue.project_id, issue.id)
            body = events_html(issue, events)
        except SessionEndedError:
            raise
        except ApiError as error:
            body = problem(str(error))
        self._counted = issue.count
        self._events.value = "<h2>Recent events</h2>" + body
        return events[0].event_id if events else None

    async def _show_grouping(self) -> None:
        issue = self._issue
        if issue is None:
            return
        try:
            similar, parts = await asyncio.gather(self._work.similar(issue), self._work.fingerprints(issue))
        except SessionEndedError:
            raise
        except ApiError as error:
            self.grouping.failed(error)
            return
        if self._issue and self._issue.id == issue.id:
            self.grouping.show(self._issue, similar, parts)

    def _gone_to(self, event_id: str) -> None:
        self.show_event(event_id)
        self._event_chosen(event_id)
