"""Saved views above the list: choose one, keep the filter and order of now, delete one's own."""

import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import ipywidgets

from dashboards.client import MissingError
from dashboards.pages.deeds import do
from dashboards.records import SavedView
from dashboards.saved_views import SavedViews

NO_VIEW: Final = ""  # not None: a list whose value is None shows nothing


class ViewsBar(ipywidgets.VBox):
    """Offers the views of a project.

    Args:
        views: Keeps them.
        chosen: Is told the query and the order of the view that the visitor chose.
        start: Runs a coroutine to its end, whatever is shown meanwhile.
    """

    def __init__(
        self,
        views: SavedViews,
        chosen: Callable[[str, str], None],
        start: Callable[[Coroutine[Any, Any, object]], object],
    ) -> None:
        self._views, self._chosen, self._start = views, chosen, start
        self._project_id = self._query = self._sort = ""
        self._known: dict[str, SavedView] = {}
        self._silent = False
        self.choice = ipywidgets.Dropdown(description="View", options=[("no view", NO_VIEW)])
        self.name = ipywidgets.Text(placeholder="Keep this filter as…")
        self.shared = ipywidgets.Checkbox(description="for everybody", indent=False)
        self.save = ipywidgets.Button(description="Save view")
        self.delete = ipywidgets.Button(description="Delete view")
        self.note = ipywidgets.HTML()
        self._form = ipywidgets.HBox([self.name, self.shared, self.save]).add_class("atlas-tools")
        row = [self.choice, self.delete, self._form]
        super().__init__([ipywidgets.HBox(row).add_class("atlas-tools"), self.note])
        self.add_class("atlas-views")
        self.choice.observe(lambda change: self._choose(change["new"]), "value")
        self.save.on_click(lambda _button: self._start(self._save()))
        self.delete.on_click(lambda _button: self._start(self._delete()))
        self._show([])

    async def load(self, project_id: str) -> None:
        """Offer this project's views.

        Raises:
            ApiError: They cannot be had now.
        """
        if project_id != self._project_id:
            self._project_id, self.note.value = project_id, ""
            self._show([])
        views = await self._views.visible(project_id)
        if project_id == self._project_id:
            self._show(views)

    def follow(self, query: str, sort: str) -> None:
        """Show which view the list shows, if it is one: the filter may have been typed or come with a link."""
        self._query, self._sort = query, sort
        asked = (query.strip(), sort)
        now = self._known.get(self.choice.value)
        if now is None or (now.query, now.sort) != asked:
            fits = (view.id for view in self._known.values() if (view.query, view.sort) == asked)
            self._set(next(fits, NO_VIEW))
        # A filter that is no view yet can be kept as one.
        self._form.layout.display = "none" if self.choice.value or not query.strip() else None

    def _show(self, views: Sequence[SavedView]) -> None:
        self._known = {view.id: view for view in views}
        options = [("no view", NO_VIEW), *((_label(view), view.id) for view in views)]
        if options != list(self.choice.options):
            self._silent = True
            self.choice.options = options
            self._silent = False
        self.follow(self._query, self._sort)

    def _set(self, view_id: str) -> None:
        self._silent = True
        self.choice.value = view_id
        self._silent = False
        view = self._known.get(view_id)
        self.delete.layout.display = None if view and view.is_own else "none"

    def _choose(self, view_id: str) -> None:
        if self._silent:
            return
        view = self._known.get(view_id)
        self._set(view_id)
        self._chosen(view.query if view else "", view.sort if view else "")

    async def _save(self) -> None:
        if await do(self.note, self._saved(self._project_id)):
            self.name.value, self.shared.value = "", False

    async def _saved(self, project_id: str) -> str:
        asked = {"query": self._query.strip(), "sort": self._sort}
        view = await self._views.add(project_id, name=self.name.value, shared=self.shared.value, **asked)
        await self.load(project_id)
        return f"Saved as {view.name}{', for everybody' if view.shared else ''}."

    async def _delete(self) -> None:
        view = self._known.get(self.choice.value)
        if view:
            await do(self.note, self._deleted(self._project_id, view))

    async def _deleted(self, project_id: str, view: SavedView) -> str:
        with contextlib.suppress(MissingError):  # another window was quicker
            await self._views.delete(project_id, view)
        await self.load(project_id)
        return f"Deleted the view {view.name}; the list stays as it is."


def _label(view: SavedView) -> str:
    return view.name if view.is_own else f"{view.name} (shared)"
