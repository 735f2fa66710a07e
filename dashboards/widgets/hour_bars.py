"""Bars by hour as a widget; the figures travel, the browser draws."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

_HERE = Path(__file__).parent


class Series(NamedTuple):
    """One colour of the bars; `tone` is one of the `atlas-tone-*` of the style sheet, `values` are by hour."""

    label: str
    tone: str
    values: Sequence[int]


class HourBars(anywidget.AnyWidget):
    """Stacked bars by hour; `hint` stands below them until an hour is chosen."""

    _esm = _HERE / "hour_bars.js"
    _css = _HERE / "hour_bars.css"
    hours: Any = traitlets.List().tag(sync=True)
    series: Any = traitlets.List().tag(sync=True)
    label = traitlets.Unicode("").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)

    def show(self, hours: Sequence[str], series: Sequence[Series], label: str) -> None:
        """Draw these series over these hours (ISO 8601); nothing is sent when nothing changed."""
        drawn: list[Mapping[str, Any]] = [{**one._asdict(), "values": list(one.values)} for one in series]
        with self.hold_sync():
            self.hours, self.series, self.label = list(hours), drawn, label
