"""A visitor's saved views of a project, and those that others share with it."""

import msgspec

from dashboards.client import Client, part
from dashboards.records import SavedView


class _Views(msgspec.Struct):
    views: list[SavedView]


class _View(msgspec.Struct):
    view: SavedView


class SavedViews:
    """Keeps views in the visitor's name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def visible(self, project_id: str) -> list[SavedView]:
        """Return one's own views, then those that others share."""
        return (await self._client.send("GET", "issues", _path(project_id), _Views)).views

    async def add(self, project_id: str, *, name: str, query: str, sort: str, shared: bool) -> SavedView:
        """Keep a query and an order under a name, and return the view.

        Raises:
            StaleError: The visitor has a view of that name.
            RefusedError: The name will not do.
        """
        body = {"name": name, "query": query, "sort": sort, "shared": shared}
        return (await self._client.send("POST", "issues", _path(project_id), _View, body)).view

    async def delete(self, project_id: str, view: SavedView) -> None:
        """Delete one's own view.

        Raises:
            MissingError: It is gone, or somebody else's.
        """
        await self._client.send("DELETE", "issues", f"{_path(project_id)}/{part(view.id)}", dict[str, str])


def _path(project_id: str) -> str:
    return f"/projects/{part(project_id)}/views"
