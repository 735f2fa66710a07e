"""What can be done to several issues at once: those that the visitor has ticked in the list."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import ipywidgets

from dashboards.issue_work import IssueWork
from dashboards.markup import counted
from dashboards.pages.deeds import do
from dashboards.pages.issue_actions import PRIORITIES
from dashboards.records import Issue

_DEEDS: Final[Mapping[str, dict[str, Any]]] = {
    "Resolve": {"status": "resolved"},
    "Ignore": {"status": "ignored"},
    "Reopen": {"status": "open"},
}
_NO_PRIORITY: Final = ""


class BulkBar(ipywidgets.VBox):
    """Edits the ticked issues in one action, all or none, as they were shown; the last action can be undone.

    Args:
        work: Does it.
        done: Is called when the list is not as it was.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(
        self, work: IssueWork, done: Callable[[], None], start: Callable[[Coroutine[Any, Any, object]], object]
    ) -> None:
        self._work, self._done, self._start = work, done, start
        self._issues: Sequence[Issue] = ()
        self._undoable: tuple[str, str] | None = None
        self.told = ipywidgets.HTML()
        self.deeds = {name: ipywidgets.Button(description=name) for name in _DEEDS}
        self.priority = ipywidgets.Dropdown(
            description="Priority", options=[("choose…", _NO_PRIORITY), *((word, word) for word in PRIORITIES)]
        )
        self.undo = ipywidgets.Button(description="Undo")
        self.note = ipywidgets.HTML()
        self._tools = ipywidgets.HBox([self.told, *self.deeds.values(), self.priority]).add_class("atlas-tools")
        said = ipywidgets.HBox([self.note, self.undo]).add_class("atlas-tools")
        super().__init__([self._tools, said])
        self.add_class("atlas-bulk")
        for name, changes in _DEEDS.items():
            self.deeds[name].on_click(lambda _button, changes=changes: self._ask(changes))
        self.priority.observe(lambda change: self._prioritize(change["new"]), "value")
        self.undo.on_click(lambda _button: self._start(self._take_back()))
        self.clear()

    def clear(self) -> None:
        """Forget what was done in another project."""
        self.note.value = ""
        self._offer_undo(None)
        self.choose(())

    def choose(self, issues: Sequence[Issue]) -> None:
        """Offer what can be done to these issues; nothing is shown without any."""
        self._issues = issues
        self._tools.layout.display = None if issues else "none"
        self.told.value = f"<b>{counted(len(issues), 'issue')} chosen</b>"

    def _offer_undo(self, action: tuple[str, str] | None) -> None:
        self._undoable = action
        self.undo.layout.display = None if action else "none"

    def _prioritize(self, priority: str) -> None:
        if priority != _NO_PRIORITY:
            self._ask({"priority": priority})

    def _ask(self, changes: dict[str, Any]) -> None:
        if self._issues:
            self._start(self._edit(self._issues, changes))

    async def _edit(self, issues: Sequence[Issue], changes: dict[str, Any]) -> None:
        self._disable(disabled=True)
        self._offer_undo(None)
        await do(self.note, self._edited(issues, changes))
        self.priority.value = _NO_PRIORITY
        self._disable(disabled=False)
        self._done()

    async def _edited(self, issues: Sequence[Issue], changes: dict[str, Any]) -> str:
        made = await self._work.edit_all(issues, changes)
        if made.action_id:
            self._offer_undo((issues[0].project_id, made.action_id))
        what = next(iter(changes.values()))
        return f"{counted(made.changed, 'issue')} set to {what}." if made.changed else f"All were {what} already."

    async def _take_back(self) -> None:
        if self._undoable:
            self._disable(disabled=True)
            if await do(self.note, self._taken_back(*self._undoable)):
                self._offer_undo(None)
            self._disable(disabled=False)
            self._done()

    async def _taken_back(self, project_id: str, action_id: str) -> str:
        await self._work.undo_all(project_id, action_id)
        return "Undone."

    def _disable(self, *, disabled: bool) -> None:
        for widget in (*self.deeds.values(), self.priority, self.undo):
            widget.disabled = disabled
