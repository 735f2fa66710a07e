"""What happened to an issue, newest first, and a place to comment."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import ipywidgets

from dashboards.client import ApiError, SessionEndedError
from dashboards.issue_words import told
from dashboards.markup import muted, problem
from dashboards.records import Activity

SHOWN: Final = 20


class HistoryCard(ipywidgets.VBox):
    """Shows the newest lines of a history; a comment is given to `comment`.

    Args:
        comment: Adds a comment; the history is loaded again by whoever loads it.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(
        self,
        comment: Callable[[str], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._comment, self._start = comment, start
        self.text = ipywidgets.Textarea(description="Comment", placeholder="What you know about it", rows=2)
        self.send = ipywidgets.Button(description="Comment")
        self.note, self.trouble, self.list = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        form = ipywidgets.HBox([self.text, self.send]).add_class("atlas-tools")
        super().__init__([ipywidgets.HTML("<h2>History</h2>"), form, self.note, self.trouble, self.list])
        self.add_class("atlas-card").add_class("atlas-history")
        self.send.on_click(lambda _button: self._start(self._sent()))

    def clear(self) -> None:
        """Show that the history of another issue is being loaded."""
        self.text.value, self.note.value, self.trouble.value, self.list.value = (
            "",
            "",
            "",
            muted("Loading the history…"),
        )

    def show(self, activity: list[Activity], members: Mapping[str, str], *, more: bool) -> None:
        """Show these lines, newest first; `more` says that there are older ones."""
        self.trouble.value = ""
        older = muted(f"Only the newest {len(activity)} are shown.") if more else ""
        lines = "".join(told(entry, members) for entry in activity)
        self.list.value = f'<ul class="atlas-lines">{lines}</ul>{older}' if activity else muted("Nothing yet.")

    def failed(self, error: ApiError, wait_s: float) -> None:
        """Say that the history cannot be loaded now; what is shown stays."""
        self.trouble.value = problem(f"{error} Trying again in {wait_s:.0f} s.")

    async def _sent(self) -> None:
        text = self.text.value.strip()
        if not text:
            self.note.value = problem("Write something first.")
            return
        self.send.disabled = True
        try:
            await self._comment(text)
        except SessionEndedError:
            raise
        except ApiError as error:
            self.note.value = problem(str(error))
        else:
            self.text.value = self.note.value = ""
        finally:
            self.send.disabled = False
