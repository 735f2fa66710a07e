"""One event of the issue that is shown, and the way to its neighbours."""

from collections.abc import Callable

import ipywidgets

from dashboards.client import ApiError, Client, MissingError, SessionEndedError
from dashboards.event_view import crumbs_html, exceptions_html, facts_html, more_html
from dashboards.markup import muted, problem
from dashboards.records import FullEvent, Issue
from dashboards.stack_trace import stack_html


class EventCard(ipywidgets.VBox):
    """Shows an event; the visitor goes to older and newer ones.

    Args:
        client: Asks the services.
        chosen: Is told the id of the event that the visitor went to.
    """

    def __init__(self, client: Client, chosen: Callable[[str], None]) -> None:
        self._client, self._chosen = client, chosen
        self._neighbours: dict[str, str | None] = {}
        self.older = ipywidgets.Button(description="Older", tooltip="The event before this one")
        self.newer = ipywidgets.Button(description="Newer", tooltip="The event after this one")
        self._title, self._body = ipywidgets.HTML("<h2>Event</h2>"), ipywidgets.HTML()
        line = ipywidgets.HBox([self._title, self.older, self.newer]).add_class("atlas-titled")
        super().__init__([line, self._body])
        self.add_class("atlas-card").add_class("atlas-event")
        self.older.on_click(lambda _button: self._go("older"))
        self.newer.on_click(lambda _button: self._go("newer"))

    @property
    def html(self) -> str:
        """What the card says."""
        return str(self._body.value)

    def clear(self, text: str = "Loading the event…") -> None:
        """Show that an event is being loaded, or what else there is to say."""
        self._neighbours = {}
        self._enable()
        self._body.value = muted(text)

    async def show(self, issue: Issue, event_id: str | None) -> None:
        """Load and show an event of this issue; None says that none is kept.

        Raises:
            SessionEndedError: The token is no longer accepted.
        """
        if event_id is None:
            self._body.value = muted("The events of this issue are no longer kept.") + stack_html(issue.stack_trace)
            return
        try:
            event = await self._client.event(issue.project_id, event_id)
        except SessionEndedError:
            raise
        except MissingError:
            self.clear("This event is no longer kept. Pick another one below.")
        except ApiError as error:
            self._body.value = problem(f"{error} Pick the event again to retry.")
        else:
            self._fill(event)

    def _fill(self, event: FullEvent) -> None:
        self._neighbours = {"older": event.previous_event_id, "newer": event.next_event_id}
        self._enable()
        crumbs = crumbs_html(event)
        led_to = f"<h3>Before it</h3>{crumbs}" if crumbs else ""
        self._body.value = facts_html(event) + exceptions_html(event) + led_to + more_html(event)

    def _enable(self) -> None:
        self.older.disabled = not self._neighbours.get("older")
        self.newer.disabled = not self._neighbours.get("newer")

    def _go(self, where: str) -> None:
        if event_id := self._neighbours.get(where):
            self._chosen(event_id)
