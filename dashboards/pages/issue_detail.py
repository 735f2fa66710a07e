"""One issue: what it is, its stack trace, its insight and its latest events."""

import asyncio

import ipywidgets

from dashboards.client import ApiError, Client, MissingError, SessionEndedError
from dashboards.markup import counted, escaped, moment, muted, pill, problem
from dashboards.pages.insight_card import InsightCard
from dashboards.polling import Sleep
from dashboards.records import Issue, RecentEvent
from dashboards.stack_trace import stack_html


class IssueDetail(ipywidgets.VBox):
    """Shows the chosen issue; the parts load side by side, and one that fails does not take the others along."""

    def __init__(self, client: Client, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._head = ipywidgets.HTML().add_class("atlas-card")
        self._stack = ipywidgets.HTML().add_class("atlas-card")
        self._insight = InsightCard(client, sleep)
        self._events = ipywidgets.HTML().add_class("atlas-card")
        super().__init__([self._head])
        self.add_class("atlas-detail")
        self.clear()

    def clear(self) -> None:
        """Show that no issue is chosen."""
        self._only("<h2>No issue selected</h2>" + muted("Pick one from the list: click, or arrows and Enter."))

    def refresh(self, issue: Issue) -> None:
        """Show the issue's newest count, status and times; its stack trace stays."""
        self._head.value = head_html(issue)

    async def show(self, project_id: str, issue_id: str) -> None:
        """Load and show the issue, then follow its insight.

        Raises:
            SessionEndedError: The token is no longer accepted.
        """
        self._only("<h2>Issue</h2>" + muted("Loading the issue…"))
        try:
            issue = await self._client.issue(project_id, issue_id)
        except SessionEndedError:
            raise
        except MissingError:
            self._only("<h2>Issue not found</h2>" + muted("It may be of another project. Pick one from the list."))
            return
        except ApiError as error:
            self._only("<h2>Issue</h2>" + problem(f"{error} Pick it again to retry."))
            return
        self.refresh(issue)
        self._stack.value = "<h2>Stack trace</h2>" + stack_html(issue.stack_trace)
        self._events.value = "<h2>Recent events</h2>" + muted("Loading events…")
        self.children = [self._head, self._stack, self._insight, self._events]
        await asyncio.gather(self._insight.follow(issue_id), self._show_events(project_id, issue_id))

    def _only(self, html: str) -> None:
        self._head.value = html
        self.children = [self._head]

    async def _show_events(self, project_id: str, issue_id: str) -> None:
        try:
            body = events_html(await self._client.events(project_id, issue_id))
        except SessionEndedError:
            raise
        except ApiError as error:
            body = problem(str(error))
        self._events.value = "<h2>Recent events</h2>" + body


def head_html(issue: Issue) -> str:
    """Return the title of an issue and its numbers."""
    return (
        f'<h2 class="atlas-name" data-issue="{escaped(issue.id)}">{escaped(issue.title)}</h2>'
        f'<p class="atlas-facts">{pill(issue.level)} {pill(issue.status)} <span>{counted(issue.count, "event")}</span>'
        f" <span>first {moment(issue.first_seen)}</span> <span>last {moment(issue.last_seen)}</span></p>"
    )


def events_html(events: list[RecentEvent]) -> str:
    """Return the latest events as a small table."""
    if not events:
        return muted("The events of this issue are no longer kept.")
    rows = "".join(
        f"<tr><td>{moment(event.timestamp or event.received_at)}</td><td>{pill(event.level)}</td>"
        f"<td>{escaped(event.environment or '-')}</td><td>{escaped(event.release or '-')}</td>"
        f'<td class="atlas-mono" title="{escaped(event.event_id)}">{escaped(event.event_id[:8])}</td></tr>'
        for event in events
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("When", "Level", "Environment", "Release", "Event"))
    return f'<div class="atlas-scroll"><table class="atlas-small"><tr>{heads}</tr>{rows}</table></div>'
