"""The latest alerts of a project, each with a button that acknowledges it."""

from collections.abc import Callable
from typing import Final

import ipywidgets

from dashboards.client import ApiError
from dashboards.markup import escaped, moment, muted, problem
from dashboards.records import Alert

SHOWN: Final = 5


class AlertsCard(ipywidgets.VBox):
    """Shows how many alerts are unread, and the latest ones, unread first."""

    def __init__(self, acknowledge: Callable[[str], None]) -> None:
        self._acknowledge = acknowledge
        self._shown: list[Alert] | None = None
        self._head = ipywidgets.HTML()
        self._note = ipywidgets.HTML()
        self._list = ipywidgets.VBox()
        super().__init__([self._head, self._note, self._list])
        self.add_class("atlas-card").add_class("atlas-alerts")
        self.clear()

    def clear(self) -> None:
        """Show that the alerts are being loaded."""
        self._shown = None
        self._list.children = ()
        self._head.value = "<h2>Alerts</h2>"
        self._note.value = muted("Loading alerts…")

    def show(self, alerts: list[Alert], unread: int) -> None:
        """Show these alerts; nothing is sent when they are the ones already shown."""
        kind = "some" if unread else "none"
        self._head.value = f'<h2>Alerts <span class="atlas-badge" data-unread="{kind}">{unread:,} unread</span></h2>'
        self._note.value = "" if alerts else muted("No alert has fired in this project.")
        latest = sorted(alerts, key=lambda alert: alert.acknowledged)[:SHOWN]
        if latest != self._shown:
            self._shown = latest
            self._list.children = tuple(self._line(alert) for alert in latest)

    def failed(self, error: ApiError, wait_s: float) -> None:
        """Say that alerts cannot be loaded now; those already shown stay."""
        self._note.value = problem(f"{error} Trying again in {wait_s:.0f} s.")

    def _line(self, alert: Alert) -> ipywidgets.Widget:
        kind = "seen" if alert.acknowledged else "unread"
        text = ipywidgets.HTML(
            f'<div class="atlas-alert" data-alert="{kind}"><span>{escaped(alert.message)}</span>'
            f"<small>{moment(alert.fired_at)}</small></div>"
        )
        if alert.acknowledged:
            return ipywidgets.HBox([text]).add_class("atlas-line")
        button = ipywidgets.Button(description="Acknowledge", tooltip=f"Acknowledge: {alert.message}")
        button.on_click(lambda _button: self._pressed(button, alert.id))
        return ipywidgets.HBox([text, button]).add_class("atlas-line")

    def _pressed(self, button: ipywidgets.Button, alert_id: str) -> None:
        button.disabled = True
        self._acknowledge(alert_id)
