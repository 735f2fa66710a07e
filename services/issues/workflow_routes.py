"""The routes by which people work on issues: edit, bulk, undo, comment, discard, delete; history and audit."""

from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import FastAPI, Query

from atlas_core import limits
from atlas_core.actions import Edit
from atlas_core.storage.issue_actions import Outcome, PostgresIssueActions
from atlas_core.storage.issue_history import IssueHistory
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.queries import IssueQueries
from services.http import CurrentUser, MemberProject
from services.issues.work_answers import Acted, Activities, Audit, CommentAnswer, Deleted, Edited, Members
from services.issues.workflow_bodies import BulkChanges, Discard, IssueChanges, NewComment, Version
from services.openapi import answers

_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "It cannot be done here and now; `error` says why"},
    404: {"description": "No such project, issue or action, or not yours to see"},
    409: {"description": "Edited since you saw it, merged or discarded; `detail` says by whom and when"},
}
PageLimit = Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)]
Cursor = Annotated[str | None, Query(max_length=20)]


class Workflow(NamedTuple):
    """The stores behind the workflow's routes."""

    actions: PostgresIssueActions
    removal: IssueRemoval
    history: IssueHistory


def add_workflow_routes(app: FastAPI, queries: IssueQueries, workflow: Workflow) -> None:
    """Add the routes of the workflow to the issue service's app."""
    _add_edit_routes(app, queries, workflow.actions)
    _add_removal_routes(app, workflow.actions, workflow.removal)
    _add_history_routes(app, workflow.actions, workflow.history)


def _add_edit_routes(app: FastAPI, queries: IssueQueries, actions: PostgresIssueActions) -> None:
    @app.patch("/projects/{project_id}/issues/{issue_id}", tags=["workflow"], responses=_ANSWERS | answers(Edited))
    def edit_issue(project: MemberProject, issue_id: UUID, body: IssueChanges, user: CurrentUser) -> dict[str, Any]:
        """Change an issue's status, assignee or priority; return it, and the `action_id` that undoes it.

        `action_id` is null when the issue was so already.
        """
        outcome = actions.apply(project, user.id, {issue_id: body.version}, body.edit())
        return {"issue": queries.issue(project, issue_id), "action_id": outcome.action_id}

    @app.post("/projects/{project_id}/issues/bulk", tags=["workflow"], responses=_ANSWERS | answers(Acted))
    def edit_issues(project: MemberProject, body: BulkChanges, user: CurrentUser) -> dict[str, Any]:
        """Change up to 1,000 issues in one action, all or none; return each one's version now."""
        return _shown(actions.apply(project, user.id, body.issues, body.edit()))

    @app.post("/projects/{project_id}/actions/{action_id}/undo", tags=["workflow"], responses=_ANSWERS | answers(Acted))
    def undo(project: MemberProject, action_id: UUID, user: CurrentUser) -> dict[str, Any]:
        """Give every issue of an action back what the action replaced.

        Refused when one of them was edited or came back since.
        """
        return _shown(actions.undo(project, user.id, action_id))


def _add_removal_routes(app: FastAPI, actions: PostgresIssueActions, removal: IssueRemoval) -> None:
    @app.post(
        "/projects/{project_id}/issues/{issue_id}/discard", tags=["workflow"], responses=_ANSWERS | answers(Acted)
    )
    def discard(
        project: MemberProject, issue_id: UUID, user: CurrentUser, body: Discard | None = None
    ) -> dict[str, Any]:
        """Take an issue off every list and drop its events from now on; undo its `action_id` to have it back."""
        version = body.version if body else None
        return _shown(actions.apply(project, user.id, {issue_id: version}, Edit(discard=True)))

    @app.delete("/projects/{project_id}/issues/{issue_id}", tags=["workflow"], responses=_ANSWERS | answers(Deleted))
    def delete_issue(
        project: MemberProject, issue_id: UUID, user: CurrentUser, version: Annotated[Version | None, Query()] = None
    ) -> dict[str, Any]:
        """Delete an issue with its events, counts and history, for good; the audit keeps who did it.

        The next event like it makes a new issue. When the answer does not come, ask again: 404 says that it is deleted,
        and what is left of its events goes within some minutes. 409 when it was merged or regrouped meanwhile.
        """
        return {"status": "deleted", "count": removal.delete(project, user.id, issue_id, version=version)}


def _add_history_routes(app: FastAPI, actions: PostgresIssueActions, history: IssueHistory) -> None:
    @app.get("/projects/{project_id}/issues/{issue_id}/activity", tags=["workflow"], responses=answers(Activities))
    def activity(
        project: MemberProject, issue_id: UUID, limit: PageLimit = 50, cursor: Cursor = None
    ) -> dict[str, Any]:
        """Return what happened to an issue, newest first; `user` is null for what events did.

        One that was merged into another keeps its own history: `merged` says into which, and when.
        """
        entries, next_cursor = history.activity(project, issue_id, limit=limit, cursor=cursor)
        return {"activity": entries, "next_cursor": next_cursor}

    @app.post(
        "/projects/{project_id}/issues/{issue_id}/comments",
        status_code=201,
        tags=["workflow"],
        responses=_ANSWERS | answers(CommentAnswer, 201),
    )
    def comment(project: MemberProject, issue_id: UUID, body: NewComment, user: CurrentUser) -> dict[str, Any]:
        """Add a comment to an issue's history; it is no edit, so it makes nobody's version stale."""
        return {"comment": actions.comment(project, user.id, issue_id, body.text)}

    @app.get("/projects/{project_id}/audit", tags=["workflow"], responses=answers(Audit))
    def audit(project: MemberProject, limit: PageLimit = 50, cursor: Cursor = None) -> dict[str, Any]:
        """Return what was discarded and deleted in the project, by whom and when, newest first."""
        entries, next_cursor = history.audit(project, limit=limit, cursor=cursor)
        return {"audit": entries, "next_cursor": next_cursor}

    @app.get("/projects/{project_id}/members", tags=["workflow"], responses=answers(Members))
    def members(project: MemberProject) -> dict[str, Any]:
        """Return who can be assigned: the members of the project's organization, by email."""
        return {"members": history.members(project)}


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {"action_id": outcome.action_id, "changed": outcome.changed, "versions": outcome.versions}
