"""The issue service's HTTP side: issues, events and the overview of a project."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Query

from atlas_core import limits
from services.http import Checks, MemberProject, Sessions, make_app
from services.issues.answers import EventAnswer, Events, IssueAnswer, Overview
from services.issues.export_routes import add_export_routes
from services.issues.grouping_routes import Groups, add_grouping_routes
from services.issues.intake_routes import add_intake_routes
from services.issues.merge_routes import add_merge_routes
from services.issues.reads import Reads
from services.issues.search_routes import add_search_routes
from services.issues.settings_routes import add_settings_routes
from services.issues.statistics_routes import add_statistics_routes
from services.issues.workflow_routes import Workflow, add_workflow_routes
from services.openapi import answers


def make_issues_app(
    reads: Reads,
    sessions: Sessions,
    workflow: Workflow,
    groups: Groups,
    *,
    checks: Checks,
    cors_origins: tuple[str, ...] = (),
) -> FastAPI:
    """Return the app by which members of a project see its issues and events, and work on them."""
    app = make_app("issues", checks=checks, sessions=sessions, cors_origins=cors_origins)
    add_search_routes(app, reads)
    add_statistics_routes(app, reads)
    add_intake_routes(app, reads.intake)
    add_export_routes(app, reads, sessions)
    add_settings_routes(app, reads)
    add_workflow_routes(app, reads.issues, workflow)
    add_merge_routes(app, reads.issues, groups.merges)
    add_grouping_routes(app, groups)

    @app.get("/projects/{project_id}/issues/{issue_id}", tags=["issues"], responses=answers(IssueAnswer))
    def show_issue(project: MemberProject, issue_id: UUID) -> dict[str, Any]:
        """Return one issue with its whole stack trace; for one that was merged into another, the other."""
        return {"issue": reads.issues.issue(project, issue_id)}

    @app.get("/projects/{project_id}/overview", tags=["issues"], responses=answers(Overview))
    def overview(project: MemberProject) -> dict[str, int]:
        """Return how many issues there are, by status and by level."""
        return reads.issues.overview(project)

    @app.get("/projects/{project_id}/events", tags=["events"], responses=answers(Events))
    def list_events(
        project: MemberProject,
        issue_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)] = 50,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
    ) -> dict[str, Any]:
        """Return the project's events (or one issue's), newest `received_at` first."""
        events, next_cursor = reads.events.page(project, issue_id=issue_id, limit=limit, cursor=cursor)
        return {"events": events, "next_cursor": next_cursor}

    @app.get("/projects/{project_id}/events/{event_id}", tags=["events"], responses=answers(EventAnswer))
    def show_event(project: MemberProject, event_id: UUID) -> dict[str, Any]:
        """Return one event whole (`raw` too, if it was kept), and the ids of its neighbours in its issue."""
        return {"event": reads.events.event(project, event_id)}

    return app
