"""Acting on the issue that is shown: resolve, ignore, reopen, assign, prioritize, undo."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import ipywidgets

from dashboards.client import ApiError, SessionEndedError, StaleError
from dashboards.issue_words import GONE, undoable
from dashboards.markup import escaped, moment, muted, problem
from dashboards.pages.issue_ways import FIELDS, WAYS, Way
from dashboards.records import Activity, Issue, Member

NOBODY: Final = ""
NO_WAY: Final = ""  # not None: a list whose value is None shows nothing
PRIORITIES: Final = ("high", "medium", "low")
_QUICK: Final = {"resolve": "resolved", "ignore": "ignored", "reopen": "open"}


class IssueActions(ipywidgets.VBox):
    """Buttons and fields; what they ask for is done by `edit` and `undo`, which return when it is done and shown.

    Args:
        edit: Changes the issue; fields as the issue service names them.
        undo: Takes the action with this id back.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(
        self,
        edit: Callable[[Issue, dict[str, Any]], Coroutine[Any, Any, None]],
        undo: Callable[[Issue, str], Coroutine[Any, Any, None]],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._edit, self._undo, self._start = edit, undo, start
        self._issue: Issue | None = None
        self._members: list[Member] = []
        self._undoable: Activity | None = None
        self._silent = False
        self.quick = {name: ipywidgets.Button(description=name.capitalize()) for name in _QUICK}
        self.way = ipywidgets.Dropdown(
            description="Or", options=[("choose…", NO_WAY), *((way.label, way) for way in WAYS)]
        )
        self.fields = {name: make() for name, make in FIELDS.items()}
        self.apply = ipywidgets.Button(description="Apply")
        self.assignee = ipywidgets.Dropdown(description="Assignee", options=[("nobody", NOBODY)])
        self.priority = ipywidgets.Dropdown(description="Priority", options=PRIORITIES)
        self.note = ipywidgets.HTML()
        self.undo = ipywidgets.Button(description="Undo")
        ways = [self.way, *self.fields.values(), self.apply]
        rows = [[*self.quick.values(), *ways], [self.assignee, self.priority, self.undo]]
        super().__init__([*(ipywidgets.HBox(row).add_class("atlas-tools") for row in rows), self.note])
        self.add_class("atlas-card").add_class("atlas-actions")
        self._listen()

    def _listen(self) -> None:
        for name, status in _QUICK.items():
            self.quick[name].on_click(lambda _button, status=status: self._ask({"status": status}))
        self.way.observe(lambda _change: self._show_fields(), "value")
        self.apply.on_click(lambda _button: self._apply())
        self.assignee.observe(lambda change: self._chosen({"assignee_id": change["new"] or None}), "value")
        self.priority.observe(lambda change: self._chosen({"priority": change["new"]}), "value")
        self.undo.on_click(lambda _button: self._take_back())

    def show(self, issue: Issue, members: Iterable[Member]) -> None:
        """Offer what can be done to this issue; what a visitor has typed for the same issue stays."""
        if self._issue is None or self._issue.id != issue.id:
            self.note.value, self.way.value = "", NO_WAY
            self.offer_undo(())
        self._issue, self._members = issue, list(members)
        known = {"nobody": NOBODY} | {member.email: member.id for member in self._members}
        if issue.assignee_id and issue.assignee_id not in known.values():
            known[GONE] = issue.assignee_id
        self._silent = True
        if dict(self.assignee.options) != known:
            self.assignee.options = list(known.items())
        self.assignee.value = issue.assignee_id or NOBODY
        self.priority.value = issue.priority
        self._silent = False
        for name, status in _QUICK.items():
            self.quick[name].layout.display = "none" if issue.discarded_at or issue.status == status else None
        self.way.layout.display = "none" if issue.discarded_at else None
        self._show_fields()

    def offer_undo(self, activity: Iterable[Activity]) -> None:
        """Offer to take back the last action of this history, newest first, if there is one."""
        self._undoable = undoable(activity)
        self.undo.layout.display = None if self._undoable else "none"
        self.undo.tooltip = f"Take back: {self._undoable.kind}" if self._undoable else ""

    def _show_fields(self) -> None:
        way = self.way.value
        for name, field in self.fields.items():
            field.layout.display = None if way and way.field == name else "none"
        self.apply.layout.display = None if way else "none"

    def _chosen(self, changes: dict[str, Any]) -> None:
        if not self._silent:
            self._ask(changes)

    def _apply(self) -> None:
        way: Way = self.way.value
        value = self.fields[way.field].value if way.field else None
        if way.field and not value:
            self.note.value = problem(way.missing)
            return
        self._ask(way.changes(value))

    def _ask(self, changes: dict[str, Any]) -> None:
        if self._issue:
            self._start(self._asked(self._issue, self._edit(self._issue, changes), "Saved."))

    def _take_back(self) -> None:
        if self._issue and self._undoable:
            self._start(self._asked(self._issue, self._undo(self._issue, self._undoable.action_id), "Undone."))

    async def _asked(self, issue: Issue, work: Coroutine[Any, Any, None], done: str) -> None:
        self._disable(disabled=True)
        self.note.value = _status(muted("Saving…"))
        try:
            await work
        except SessionEndedError:
            raise
        except ApiError as error:
            note, way = stale_html(error) if isinstance(error, StaleError) else problem(str(error)), self.way.value
        else:
            note, way = _status(muted(done)), NO_WAY
        finally:
            self._disable(disabled=False)
        if self._issue and self._issue.id == issue.id:
            self.show(self._issue, self._members)  # the fields show what is, not what was asked for
            self.note.value, self.way.value = note, way

    def _disable(self, *, disabled: bool) -> None:
        for widget in (*self.quick.values(), self.apply, self.undo, self.assignee, self.priority):
            widget.disabled = disabled


def stale_html(error: StaleError) -> str:
    """Return who was quicker, as far as the service says, and that nothing was lost."""
    edit: dict[str, str] = error.detail[0] if isinstance(error.detail, list) and error.detail else {}
    if "kind" not in edit:
        return problem(f"{error}. Nothing was changed; this is how it stands now.")
    who = escaped(edit.get("by") or "an event")
    return (
        f'<p class="atlas-problem" role="alert" data-stale>{who} was quicker ({escaped(edit["kind"])}, '
        f"{moment(edit.get('at'))}). Nothing of yours was changed; this is how it stands now.</p>"
    )


def _status(html: str) -> str:
    return f'<div role="status">{html}</div>'
