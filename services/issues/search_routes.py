"""The routes of lists of issues, and of the views that people keep of them."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict

from atlas_core import limits
from atlas_core.events import utc_now
from atlas_core.search import Sort, parse
from atlas_core.storage.issue_search import Asker
from atlas_core.storage.saved_views import View
from services.fields import Name
from services.http import CurrentUser, MemberProject
from services.issues.answers import Issues
from services.issues.reads import Reads
from services.issues.work_answers import ViewAnswer, Views
from services.openapi import Answers, Done, answers

_NAMED_SO: Final[Answers] = {409: {"description": "The asker has a view of this name, or as many as one may have"}}

ISSUES_LISTED: Final = 10_000
QUERY_HELP: Final = """
Words and `"quoted phrases"` of type, message and culprit; `level:error`, `status:open|resolved|ignored|regressed`,
`is:assigned|unassigned|new` (first seen in the last 7 days), `has:insight`, `priority:high`,
`assignee:me|none|ann@example.org`, `release:shop@1.*`,
`environment:production`, `tags.NAME:value`, `type:KeyError`, `culprit:`, `platform:`, `count:>100`, `users:>=5`,
`first_seen:>2026-11-01`, `last_seen:<-24h`. Terms side by side must all hold; `-` or `!` before a term turns it round;
`level:[error,critical]` means either.

A word with a colon names a field; one that there is not is refused, and so are `count>5` and `level :error`. Only what
is plainly pasted is text as it stands: `TypeError:`, `http://host/`, `a::b`, `C:\\dir`, and what begins with a digit,
such as `12:30:45` and `10.0.0.1:5432`. In quotation marks everything is text.
"""
UNREADABLE: Final[dict[int | str, dict[str, Any]]] = {
    400: {
        "description": "The query cannot be read, or the cursor is not of this list",
        "content": {
            "application/json": {
                "example": {
                    "error": "at position 9: 'urgent' will not do; expected low or medium or high",
                    "detail": {"position": 9, "expected": ["low", "medium", "high"]},
                }
            }
        },
    }
}
IssueQuery = Annotated[
    str,
    Query(
        description=QUERY_HELP,
        openapi_examples={
            "what to look at": {"value": "is:open level:[error,critical] -release:shop@1.4.0"},
            "a phrase": {"value": '"connection refused" environment:production count:>100'},
        },
    ),
]
IssueCursor = Annotated[str | None, Query(max_length=300)]


class SavedView(BaseModel):
    """A view as asked for."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"name": "Mine", "query": "is:open assignee:me", "sort": "count", "shared": True}
        },
    )

    name: Name
    query: str = ""
    sort: Sort = Sort.LAST_SEEN
    shared: bool = False

    def view(self) -> View:
        """Return it, its query parsed.

        Raises:
            UnreadableError: The query cannot be read.
        """
        parse(self.query)
        return View(self.name, self.query, self.sort.value, self.shared)


def add_search_routes(app: FastAPI, reads: Reads) -> None:
    """Add lists of issues and saved views to the issue service's app."""
    _add_list_routes(app, reads)
    _add_view_routes(app, reads)


def _add_list_routes(app: FastAPI, reads: Reads) -> None:
    @app.get("/projects/{project_id}/issues", tags=["issues"], responses=UNREADABLE | answers(Issues))
    def list_issues(
        project: MemberProject,
        user: CurrentUser,
        *,
        query: IssueQuery = "",
        sort: Sort = Sort.LAST_SEEN,
        limit: Annotated[int, Query(ge=1, le=ISSUES_LISTED)] = ISSUES_LISTED,
        cursor: IssueCursor = None,
    ) -> dict[str, Any]:
        """Return the project's issues that the query asks for; their stack traces are cut to 2,000 characters."""
        asker = Asker(user.id, utc_now())
        issues, next_cursor = reads.lists.page([project], parse(query), asker, sort=sort, limit=limit, cursor=cursor)
        return {"issues": issues, "next_cursor": next_cursor}

    @app.get("/issues", tags=["issues"], responses=UNREADABLE | answers(Issues))
    def list_all_issues(
        user: CurrentUser,
        *,
        query: IssueQuery = "",
        sort: Sort = Sort.LAST_SEEN,
        limit: Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)] = 50,
        cursor: IssueCursor = None,
    ) -> dict[str, Any]:
        """Return the issues of all projects that the asker is a member of, as one list."""
        asker = Asker(user.id, utc_now())
        projects = reads.lists.projects_of(user.id)
        issues, next_cursor = reads.lists.page(projects, parse(query), asker, sort=sort, limit=limit, cursor=cursor)
        return {"issues": issues, "next_cursor": next_cursor}


def _add_view_routes(app: FastAPI, reads: Reads) -> None:
    @app.get("/projects/{project_id}/views", tags=["views"], responses=answers(Views))
    def list_views(project: MemberProject, user: CurrentUser) -> dict[str, Any]:
        """Return one's own views, then those that others share with the project."""
        return {"views": reads.views.visible(project, user.id)}

    @app.post(
        "/projects/{project_id}/views",
        status_code=201,
        tags=["views"],
        responses=UNREADABLE | answers(ViewAnswer, 201) | _NAMED_SO,
    )
    def create_view(project: MemberProject, body: SavedView, user: CurrentUser) -> dict[str, Any]:
        """Keep a query under a name."""
        return {"view": reads.views.add(project, user.id, body.view())}

    @app.put(
        "/projects/{project_id}/views/{view_id}", tags=["views"], responses=UNREADABLE | answers(ViewAnswer) | _NAMED_SO
    )
    def change_view(project: MemberProject, view_id: UUID, body: SavedView, user: CurrentUser) -> dict[str, Any]:
        """Replace one's own view."""
        return {"view": reads.views.change(project, user.id, view_id, body.view())}

    @app.delete("/projects/{project_id}/views/{view_id}", tags=["views"], responses=answers(Done))
    def delete_view(project: MemberProject, view_id: UUID, user: CurrentUser) -> dict[str, str]:
        """Delete one's own view."""
        reads.views.delete(project, user.id, view_id)
        return {"status": "deleted"}
