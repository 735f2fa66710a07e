"""What an issue is made of: the fingerprints that were merged into it, and issues that may belong to it."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import ipywidgets

from dashboards.client import ApiError, SessionEndedError
from dashboards.markup import counted, escaped, here, muted, pill, problem
from dashboards.records import Fingerprint, Issue, Similar

Deed = Callable[[Issue, str], Coroutine[Any, Any, None]]


class GroupingCard(ipywidgets.VBox):
    """Offers to merge what looks alike, and to take merged fingerprints out again.

    Args:
        merge: Makes the issue with this id a part of the one that is shown; returns when that is shown.
        unmerge: Gives this fingerprint an issue of its own; returns when that is shown.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(self, merge: Deed, unmerge: Deed, start: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._merge, self._unmerge, self._start = merge, unmerge, start
        self.note, self.discards = ipywidgets.HTML(), ipywidgets.HTML()
        self.similar, self.parts = ipywidgets.VBox(), ipywidgets.VBox()
        super().__init__([self.similar, self.parts, self.discards, self.note])
        self.add_class("atlas-card").add_class("atlas-grouping")
        self.clear()

    def clear(self) -> None:
        """Show that lookalikes are being looked for."""
        self.note.value = self.discards.value = ""
        self.parts.children = ()
        self.similar.children = (ipywidgets.HTML("<h2>Similar issues</h2>" + muted("Looking for similar issues…")),)

    def show(self, issue: Issue, similar: Sequence[Similar], parts: Sequence[Fingerprint]) -> None:
        """Show what looks like this issue, and its fingerprints where it has several."""
        head = "<h2>Similar issues</h2>" + ("" if similar else muted("No other issue looks like this one."))
        lines = [self._line(issue, _similar_html(issue, one), "Merge", self._merge, one.issue.id) for one in similar]
        self.similar.children = (ipywidgets.HTML(head), *lines)
        taken = [self._line(issue, _part_html(one), "Take out", self._unmerge, one.fingerprint) for one in parts]
        title = ipywidgets.HTML(f"<h3>{counted(len(parts), 'fingerprint')} in this issue</h3>")
        self.parts.children = (title, *taken) if len(parts) > 1 else ()

    def tell(self, again: int) -> None:
        """Say how many discarded issues a change of the grouping brought into this one."""
        what = f"{counted(again, 'discarded issue')} came into this one when the grouping was changed"
        said = f"{what}: their events are stored again, until that change is undone."
        self.discards.value = muted(said) if again else ""

    def failed(self, error: ApiError) -> None:
        """Say that lookalikes cannot be had now."""
        self.similar.children = (ipywidgets.HTML("<h2>Similar issues</h2>" + problem(str(error))),)

    def _line(self, issue: Issue, html: str, verb: str, deed: Deed, what: str) -> ipywidgets.Widget:
        button = ipywidgets.Button(description=verb)
        button.on_click(lambda _button: self._start(self._done(button, deed(issue, what))))
        return ipywidgets.HBox([ipywidgets.HTML(html), button]).add_class("atlas-line")

    async def _done(self, button: ipywidgets.Button, deed: Coroutine[Any, Any, None]) -> None:
        button.disabled = True
        self.note.value = muted("Working…")
        try:
            await deed
        except SessionEndedError:
            raise
        except ApiError as error:
            self.note.value = problem(str(error))
            button.disabled = False
        else:
            self.note.value = '<p class="atlas-muted" role="status">Done. The history says what was moved.</p>'


def _similar_html(issue: Issue, one: Similar) -> str:
    other = one.issue
    link = here({"project": issue.project_id, "issue": other.id})
    return (
        f'<div class="atlas-alert" data-similar="{escaped(other.id)}"><a href="{link}">{escaped(other.title)}</a>'
        f"<small>{one.score:.0%} alike: {escaped('; '.join(one.reasons))}</small>"
        f"<small>{pill(other.level)} {pill(other.status)} {counted(other.count, 'event')}</small></div>"
    )


def _part_html(one: Fingerprint) -> str:
    example = one.example
    named = ": ".join(text for text in (example.type, example.message) if text) if example else "no event is kept"
    return (
        f'<div class="atlas-alert" data-part="{escaped(one.fingerprint)}"><span>{escaped(named)}</span>'
        f"<small>{counted(one.count, 'event')}, {escaped(one.strategy)} {escaped(one.fingerprint[:8])}</small></div>"
    )
