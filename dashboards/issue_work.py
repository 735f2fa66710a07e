"""What a visitor does to issues: each call is one action of the issue service's workflow."""

from collections.abc import Sequence
from typing import Any

import msgspec

from dashboards.client import Client, MissingError, part
from dashboards.records import Activity, Fingerprint, Issue, Member, Similar


class _Done(msgspec.Struct):
    issue: Issue


class History(msgspec.Struct, frozen=True):
    """A page of what happened to an issue, newest first."""

    activity: list[Activity]
    next_cursor: str | None = None


class Bulk(msgspec.Struct, frozen=True):
    """What an edit of several issues did: how many were otherwise before, and the action that undoes it, if any."""

    changed: int
    action_id: str | None = None


class _Members(msgspec.Struct):
    members: list[Member]


class _Similar(msgspec.Struct):
    similar: list[Similar]


class _Fingerprints(msgspec.Struct):
    fingerprints: list[Fingerprint]


class IssueWork:
    """Edits, comments, merges and history of issues, in the visitor's name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def edit(self, issue: Issue, changes: dict[str, Any]) -> Issue:
        """Change the issue as it was shown, and return it; fields as the issue service names them.

        Raises:
            StaleError: Somebody edited it since; nothing was changed.
            RefusedError: It cannot be done here and now; the text says why.
        """
        body = changes | {"version": issue.version}
        return (await self._client.send("PATCH", "issues", _path(issue), _Done, body)).issue

    async def edit_all(self, issues: Sequence[Issue], changes: dict[str, Any]) -> Bulk:
        """Change several issues of one project as they were shown, all or none, in one action.

        Raises:
            StaleError: One of them was edited since; nothing was changed.
            RefusedError: It cannot be done here and now; the text says why.
        """
        path = f"/projects/{part(issues[0].project_id)}/issues/bulk"
        body = changes | {"issues": {issue.id: issue.version for issue in issues}}
        return await self._client.send("POST", "issues", path, Bulk, body)

    async def undo_all(self, project_id: str, action_id: str) -> None:
        """Give every issue of an action back what it replaced.

        Raises:
            StaleError: The action is not the last one of each of them any more; nothing was changed.
        """
        path = f"/projects/{part(project_id)}/actions/{part(action_id)}/undo"
        await self._client.send("POST", "issues", path, dict[str, Any])

    async def discard(self, issue: Issue) -> Issue:
        """Take the issue off every list and drop its events from now on; return it. Undo takes that back.

        Raises:
            StaleError: Somebody edited it since; nothing was changed.
        """
        body = {"version": issue.version}
        await self._client.send("POST", "issues", f"{_path(issue)}/discard", dict[str, Any], body)
        return await self._client.issue(issue.project_id, issue.id)

    async def undo(self, issue: Issue, action_id: str) -> Issue:
        """Give the issue back what the action replaced, and return it.

        Raises:
            StaleError: The action is not the issue's last one any more.
        """
        await self.undo_all(issue.project_id, action_id)
        return await self._client.issue(issue.project_id, issue.id)

    async def comment(self, issue: Issue, text: str) -> None:
        """Add a comment to the issue's history.

        Raises:
            RefusedError: The text is empty or too long.
        """
        await self._client.send("POST", "issues", f"{_path(issue)}/comments", dict[str, Any], {"text": text})

    async def history(self, issue: Issue, *, limit: int, cursor: str | None = None) -> History:
        """Return what happened to the issue; `cursor` is of the page before."""
        after = f"&cursor={part(cursor)}" if cursor else ""
        return await self._client.send("GET", "issues", f"{_path(issue)}/activity?limit={limit}{after}", History)

    async def similar(self, issue: Issue) -> list[Similar]:
        """Return issues that may be the same error, most alike first; none when no event is kept to compare."""
        try:
            return (await self._client.send("GET", "issues", f"{_path(issue)}/similar", _Similar)).similar
        except MissingError:
            return []

    async def fingerprints(self, issue: Issue) -> list[Fingerprint]:
        """Return the fingerprints whose events the issue counts, most events first."""
        return (await self._client.send("GET", "issues", f"{_path(issue)}/fingerprints", _Fingerprints)).fingerprints

    async def merge(self, issue: Issue, other_id: str) -> Issue:
        """Make another issue a part of this one, for later events too, and return this one.

        Raises:
            StaleError: One of them was merged into a third, or is discarded.
        """
        path = f"/projects/{part(issue.project_id)}/issues/merge"
        return (await self._client.send("POST", "issues", path, _Done, {"into": issue.id, "issues": [other_id]})).issue

    async def unmerge(self, issue: Issue, fingerprint: str) -> Issue:
        """Give a fingerprint of the issue an issue of its own again, with its events, and return this issue.

        Raises:
            RefusedError: It is the issue's last one.
        """
        body = {"fingerprints": [fingerprint]}
        return (await self._client.send("POST", "issues", f"{_path(issue)}/unmerge", _Done, body)).issue

    async def members(self, project_id: str) -> list[Member]:
        """Return who can be assigned."""
        path = f"/projects/{part(project_id)}/members"
        return (await self._client.send("GET", "issues", path, _Members)).members


def _path(issue: Issue) -> str:
    return f"/projects/{part(issue.project_id)}/issues/{part(issue.id)}"
