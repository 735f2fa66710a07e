"""A project's alert rules: what fires, and a form for one more."""

import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, get_args

import ipywidgets

from atlas_core.conditions import Condition
from dashboards.alert_rules import AlertRules
from dashboards.client import MissingError
from dashboards.markup import escaped, muted
from dashboards.pages.deeds import do
from dashboards.records import Rule

CONDITIONS: Final = {str(kind.__struct_config__.tag): kind for kind in get_args(Condition)}
_MOST: Final = 1_000_000_000


class RulesCard(ipywidgets.VBox):
    """Lists the rules, makes and deletes them.

    Args:
        rules: Keeps them.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(self, rules: AlertRules, start: Callable[[Coroutine[Any, Any, object]], object]) -> None:
        self._rules, self._start = rules, start
        self._project_id = ""
        self._shown: Sequence[Rule] | None = None
        self.list = ipywidgets.VBox([ipywidgets.HTML(muted("Loading rules…"))])
        options = [(kind.words.format(threshold="N"), name) for name, kind in CONDITIONS.items()]
        self.condition = ipywidgets.Dropdown(description="Alert when", options=options)
        self.threshold = ipywidgets.BoundedIntText(100, description="Events", min=1, max=_MOST)
        self.name = ipywidgets.Text(placeholder="Name of the rule")
        self.add = ipywidgets.Button(description="Add rule")
        self.note = ipywidgets.HTML()
        form = ipywidgets.HBox([self.condition, self.threshold, self.name, self.add]).add_class("atlas-tools")
        super().__init__([ipywidgets.HTML("<h2>Alert rules</h2>"), self.list, form, self.note])
        self.add_class("atlas-card").add_class("atlas-rules")
        self.condition.observe(lambda _change: self._show_threshold(), "value")
        self.add.on_click(lambda _button: self._start(self._add()))
        self._show_threshold()

    async def load(self, project_id: str) -> None:
        """Show this project's rules.

        Raises:
            ApiError: They cannot be had now.
        """
        if project_id != self._project_id:
            self._project_id, self._shown, self.note.value = project_id, None, ""
            self.list.children = (ipywidgets.HTML(muted("Loading rules…")),)
        rules = await self._rules.all(project_id)
        if project_id == self._project_id and rules != self._shown:
            self._shown = rules
            none = ipywidgets.HTML(muted("No rule: nothing here alerts anybody."))
            self.list.children = tuple(self._line(rule) for rule in rules) or (none,)

    def _line(self, rule: Rule) -> ipywidgets.Widget:
        text = ipywidgets.HTML(
            f'<div class="atlas-alert" data-rule="{escaped(rule.id)}"><span>{escaped(rule.name)}</span>'
            f"<small>{escaped(said(rule))}</small></div>"
        )
        button = ipywidgets.Button(description="Delete", tooltip=f"Delete the rule: {rule.name}")
        button.on_click(lambda _button: self._start(self._delete(button, rule)))
        return ipywidgets.HBox([text, button]).add_class("atlas-line")

    def _show_threshold(self) -> None:
        self.threshold.layout.display = None if _has_threshold(self.condition.value) else "none"

    async def _add(self) -> None:
        self.add.disabled = True
        if await do(self.note, self._added(self._project_id)):
            self.name.value = ""
        self.add.disabled = False

    async def _added(self, project_id: str) -> str:
        condition = self.condition.value
        threshold = self.threshold.value if _has_threshold(condition) else 0
        named = self.name.value.strip() or said(Rule("", "", condition, threshold))
        rule = await self._rules.add(project_id, named, condition, threshold)
        await self.load(project_id)
        return f"Added {rule.name}: it holds for what arrives from now on."

    async def _delete(self, button: ipywidgets.Button, rule: Rule) -> None:
        button.disabled = True
        if not await do(self.note, self._deleted(self._project_id, rule)):
            button.disabled = False

    async def _deleted(self, project_id: str, rule: Rule) -> str:
        with contextlib.suppress(MissingError):  # another window was quicker
            await self._rules.delete(project_id, rule)
        await self.load(project_id)
        return f"Deleted {rule.name}; what it has said stays among the alerts."


def said(rule: Rule) -> str:
    """Return when a rule fires, in words."""
    kind = CONDITIONS.get(rule.condition)
    return kind.words.format(threshold=f"{rule.threshold:,}") if kind else rule.condition


def _has_threshold(condition: str) -> bool:
    return "threshold" in CONDITIONS[condition].__struct_fields__
