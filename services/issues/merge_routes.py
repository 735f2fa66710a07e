"""The routes by which people merge issues, and take them apart again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from atlas_core import limits
from atlas_core.storage.merging import Merges
from atlas_core.storage.queries import IssueQueries
from services.http import CurrentUser, MemberProject
from services.issues.grouping_answers import Fingerprints, Merged, Unmerged
from services.openapi import answers

_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "It makes no sense: an issue into itself, or the last fingerprint of an issue"},
    404: {"description": "No such project, issue or fingerprint, or not yours to see"},
    409: {"description": "Merged into another issue, or discarded; `error` says which"},
}
Hex = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Merge(BaseModel):
    """Which issues become one."""

    model_config = ConfigDict(extra="forbid")

    into: UUID = Field(description="Keeps its title, status and history")
    issues: Annotated[list[UUID], Field(min_length=1, max_length=limits.ISSUES_MERGED)]


class Unmerge(BaseModel):
    """Which fingerprints leave an issue."""

    model_config = ConfigDict(extra="forbid")

    fingerprints: Annotated[list[Hex], Field(min_length=1, max_length=limits.FINGERPRINTS_SHOWN)]


def add_merge_routes(app: FastAPI, queries: IssueQueries, merges: Merges) -> None:
    """Add the routes of merging to the issue service's app."""

    @app.post("/projects/{project_id}/issues/merge", tags=["grouping"], responses=_ANSWERS | answers(Merged))
    def merge_issues(project: MemberProject, body: Merge, user: CurrentUser) -> dict[str, Any]:
        """Make issues one, for their events to come too; no alert tells of it, and a second call changes nothing."""
        moved = merges.merge(project, user.id, body.into, set(body.issues))
        return {"issue": queries.issue(project, body.into), "events_moved": moved}

    @app.get(
        "/projects/{project_id}/issues/{issue_id}/fingerprints",
        tags=["grouping"],
        responses=_ANSWERS | answers(Fingerprints),
    )
    def list_fingerprints(project: MemberProject, issue_id: UUID) -> dict[str, Any]:
        """Return an issue's fingerprints (at most 1,000) with their strategy, their counts and their newest event."""
        return {"fingerprints": merges.fingerprints(project, issue_id)}

    @app.post(
        "/projects/{project_id}/issues/{issue_id}/unmerge", tags=["grouping"], responses=_ANSWERS | answers(Unmerged)
    )
    def unmerge_issue(project: MemberProject, issue_id: UUID, body: Unmerge, user: CurrentUser) -> dict[str, Any]:
        """Give fingerprints of an issue, with their events, issues of their own; return the issues, in that order.

        A fingerprint whose issue was merged away gets that one back.
        """
        digests = [bytes.fromhex(fingerprint) for fingerprint in dict.fromkeys(body.fingerprints)]
        made = merges.unmerge(project, user.id, issue_id, digests)
        return {"issue": queries.issue(project, issue_id), "issues": [queries.issue(project, home) for home in made]}
