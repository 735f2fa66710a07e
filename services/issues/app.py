"""The issue service's HTTP side: issues, events and the overview of a project."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Query

from atlas_core import limits
from atlas_core.storage.queries import IssueQueries
from services.http import Checks, MemberProject, Sessions, make_app
from services.issues.grouping_routes import Groups
from services.issues.merge_routes import add_merge_routes
from services.issues.workflow_routes import Workflow, add_workflow_routes

ISSUES_LISTED = 10_000


def make_issues_app(
    queries: IssueQueries,
    sessions: Sessions,
    workflow: Workflow,
    groups: Groups,
    *,
    checks: Checks,
    cors_origins: tuple[str, ...] = (),
) -> FastAPI:
    """Return the app by which members of a project see its issues and events, and work on them."""
    app = make_app("issues", checks=checks, sessions=sessions, cors_origins=cors_origins)
    add_workflow_routes(app, queries, workflow)
    add_merge_routes(app, queries, groups.merges)

    @app.get("/projects/{project_id}/issues", tags=["issues"])
    def list_issues(
        project: MemberProject,
        limit: Annotated[int, Query(ge=1, le=ISSUES_LISTED)] = ISSUES_LISTED,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        """Return the project's issues, newest `last_seen` first; their stack traces are cut to 2,000 characters."""
        issues, next_cursor = queries.issues(project, limit=limit, cursor=cursor)
        return {"issues": issues, "next_cursor": next_cursor}

    @app.get("/projects/{project_id}/issues/{issue_id}", tags=["issues"])
    def show_issue(project: MemberProject, issue_id: UUID) -> dict[str, Any]:
        """Return one issue with its whole stack trace; for one that was merged into another, the other."""
        return {"issue": queries.issue(project, issue_id)}

    @app.get("/projects/{project_id}/overview", tags=["issues"])
    def overview(project: MemberProject) -> dict[str, int]:
        """Return how many issues there are, by status and by level."""
        return queries.overview(project)

    @app.get("/projects/{project_id}/events", tags=["events"])
    def list_events(
        project: MemberProject,
        issue_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)] = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        """Return the project's events (or one issue's), newest `received_at` first."""
        events, next_cursor = queries.events(project, issue_id=issue_id, limit=limit, cursor=cursor)
        return {"events": events, "next_cursor": next_cursor}

    @app.get("/projects/{project_id}/events/{event_id}", tags=["events"])
    def show_event(project: MemberProject, event_id: UUID) -> dict[str, Any]:
        """Return one event with frames, breadcrumbs, tags, user and contexts."""
        return {"event": queries.event(project, event_id)}

    return app
