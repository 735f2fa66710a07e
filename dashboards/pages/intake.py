"""The intake page: what became of all that was sent, and what to do about what was refused or dropped."""

import asyncio
from collections.abc import Mapping
from typing import Final

import ipywidgets

from dashboards.client import Client
from dashboards.markup import muted
from dashboards.pages import hints
from dashboards.pages.intake_view import Balance, account_html, discarded_html, hours_html, reasons_html, series
from dashboards.pages.project_page import HERE, ProjectPage, Surroundings, live
from dashboards.polling import poll
from dashboards.widgets.hour_bars import HourBars

WINDOWS: Final = {"last 24 hours": 24, "last 3 days": 72, "last 7 days": 168}
PERIOD_S: Final = 5.0
_ACCOUNT: Final = "<h2>Where the events went</h2>"
_REASONS: Final = "<h2>What is not here, and why</h2>"
_HINT: Final = "Point at an hour, or use the arrow keys, for its figures. Hours are in your time zone."


class IntakePage(ProjectPage):
    """The account of a window in numbers, by hour and by reason."""

    def __init__(self, client: Client, query: Mapping[str, str], surroundings: Surroundings = HERE) -> None:
        super().__init__(client, query, surroundings)
        self.window = ipywidgets.Dropdown(description="Window", options=WINDOWS, value=_window(query))
        self.account, self.reasons, self.table = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.bars = HourBars(hint=_HINT)
        by_hour = ipywidgets.VBox([ipywidgets.HTML("<h2>By hour</h2>"), self.bars, self.table])
        self.hint = ipywidgets.HTML()
        cards = [card.add_class("atlas-card") for card in (self.account, by_hour, self.reasons)]
        self.lay_out("Intake", [self.window], [self.hint, ipywidgets.VBox(cards).add_class("atlas-column")])
        self.window.observe(self._window_chosen, "value")

    def open_project(self, project_id: str, *, same: bool) -> None:
        """Show the account of this project."""
        del project_id, same
        self._load_again()

    def params(self) -> dict[str, str]:
        """Return the window."""
        return {} if self.window.value == _window({}) else {"hours": str(self.window.value)}

    def restore(self, wanted: Mapping[str, str]) -> None:
        """Show the window of an address."""
        self.window.value = _window(wanted)

    def _window_chosen(self, _change: object) -> None:
        if self.projects.value:
            self.of_project.cancel()
            self._load_again()

    def _load_again(self) -> None:
        self.hint.value = self.table.value = ""
        self.account.value, self.reasons.value = _ACCOUNT + muted("Loading…"), _REASONS + muted("Loading…")
        self.bars.show([], [], "Loading")
        self.write_address()
        self.of_project.start(poll(self._load, self.say, self.sleep, PERIOD_S))

    async def _load(self) -> None:
        project_id = self.projects.value
        newest_first, audit = await asyncio.gather(
            self.client.intake(project_id, self.window.value), self.client.audit(project_id)
        )
        hours = newest_first[::-1]
        balance = Balance.of(hours)
        self.account.value = _ACCOUNT + account_html(balance)
        self.reasons.value = _REASONS + reasons_html(balance) + discarded_html(project_id, audit)
        self.bars.show([hour.hour for hour in hours], series(hours), f"What was sent by hour, {self.window.label}")
        self.table.value = hours_html(hours)
        url = self.surroundings.ingestion_url
        self.hint.value = hints.first_event(url, "Nothing was sent in this window") if balance.is_empty else ""
        self.notice.value = ""


def _window(query: Mapping[str, str]) -> int:
    wanted = query.get("hours", "")
    return int(wanted) if wanted in map(str, WINDOWS.values()) else min(WINDOWS.values())


def intake_page() -> ipywidgets.Widget:
    """Return the live page of the visitor whom this kernel serves."""
    return live(IntakePage)
