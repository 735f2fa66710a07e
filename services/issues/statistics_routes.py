"""The routes of statistics: time series, tags, releases, users."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import BaseModel

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.events import utc_now
from atlas_core.storage.statistics import Interval, Span
from services.http import MemberProject
from services.issues.moments import Moment
from services.issues.reads import Reads
from services.issues.work_answers import IssueSeries, ProjectSeries, Releases, Tags, UsersAffected
from services.openapi import Answers, answers

_DEFAULTS: Final[dict[Interval, timedelta]] = {"hour": timedelta(hours=24), "day": timedelta(days=30)}
From = Annotated[Moment, Query(alias="from", description="Default: 24 hours (or 30 days) before `to`")]
To = Annotated[Moment, Query(description="Not part of the time; default: now")]
Unit = Annotated[Interval, Query(description="How long each bucket is")]
_ISSUE_SERIES: Final = {"at": "2026-11-25T10:00:00Z", "count": 12}
_PROJECT_SERIES: Final = {**_ISSUE_SERIES, "levels": {"error": 9, "warning": 3}, "dropped": {"discarded": 1}}


def add_statistics_routes(app: FastAPI, reads: Reads) -> None:
    """Add the routes of statistics to the issue service's app."""
    _add_series_routes(app, reads)
    _add_distribution_routes(app, reads)


def _add_series_routes(app: FastAPI, reads: Reads) -> None:
    @app.get(
        "/projects/{project_id}/issues/{issue_id}/series",
        tags=["statistics"],
        responses=_example(IssueSeries, _ISSUE_SERIES),
    )
    def issue_series(
        project: MemberProject, issue_id: UUID, start: From = None, to: To = None, interval: Unit = "hour"
    ) -> dict[str, Any]:
        """Return how often an issue happened in each hour or day, in UTC, zeros too."""
        span = _span(start, to, interval)
        return _series(span, reads.statistics.issue_series(project, issue_id, span))

    @app.get("/projects/{project_id}/series", tags=["statistics"], responses=_example(ProjectSeries, _PROJECT_SERIES))
    def project_series(
        project: MemberProject, start: From = None, to: To = None, interval: Unit = "hour"
    ) -> dict[str, Any]:
        """Return the project's events in each hour or day, in UTC, by level; and what was dropped, by reason."""
        span = _span(start, to, interval)
        return _series(span, reads.statistics.project_series(project, span))


def _add_distribution_routes(app: FastAPI, reads: Reads) -> None:
    @app.get("/projects/{project_id}/issues/{issue_id}/tags", tags=["statistics"], responses=answers(Tags))
    def issue_tags(
        project: MemberProject, issue_id: UUID, top: Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)] = 10
    ) -> dict[str, Any]:
        """Return the tags of an issue's events, release and environment among them, with the shares of their values."""
        return {"tags": reads.statistics.tags(project, issue_id, top=top)}

    @app.get("/projects/{project_id}/releases", tags=["statistics"], responses=answers(Releases))
    def releases(
        project: MemberProject,
        limit: Annotated[int, Query(ge=1, le=limits.PAGE_SIZE)] = 50,
        cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    ) -> dict[str, Any]:
        """Return the project's releases, latest first seen first: their events, new issues and regressions."""
        found, next_cursor = reads.statistics.releases(project, limit=limit, cursor=cursor)
        return {"releases": found, "next_cursor": next_cursor}

    @app.get("/projects/{project_id}/users-affected", tags=["statistics"], responses=answers(UsersAffected))
    def users_affected(project: MemberProject, start: From = None, to: To = None) -> dict[str, Any]:
        """Return how many different users the project's events of a time (at most 31 days) tell of."""
        end = to or utc_now()
        begin = start or end - _DEFAULTS["hour"]
        if not timedelta(0) < end - begin <= timedelta(days=limits.USERS_COUNTED_DAYS):
            raise RejectedError(f"a time of at most {limits.USERS_COUNTED_DAYS} days is expected")
        return {"from": begin, "to": end, "users_affected": reads.statistics.users_affected(project, begin, end)}


def _span(start: datetime | None, to: datetime | None, interval: Interval) -> Span:
    end = to or utc_now()
    return Span.of(start or end - _DEFAULTS[interval], end, interval)


def _series(span: Span, buckets: list[dict[str, Any]]) -> dict[str, Any]:
    return {"interval": span.interval, "from": span.start, "to": span.end, "buckets": buckets}


def _example(model: type[BaseModel], bucket: dict[str, Any]) -> Answers:
    shown = {"interval": "hour", "from": "2026-11-25T10:00:00Z", "to": "2026-11-25T11:00:00Z", "buckets": [bucket]}
    return {200: {"model": model, "content": {"application/json": {"example": shown}}}}
