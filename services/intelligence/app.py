"""The intelligence service's routes."""

from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from atlas_core import limits
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.insights import InsightState
from atlas_core.storage.insights import PostgresInsightStore
from services.http import Checks, CurrentUser, MemberProject, Sessions, User, make_app
from services.intelligence.answers import InsightAnswer, Insights, NotWritten
from services.intelligence.dispatcher import Dispatcher
from services.openapi import Answers, Done, answers

_INSIGHT: Final[Answers] = answers(InsightAnswer) | answers(NotWritten, 404)
_RETRY: Final[Answers] = answers(Done, 202) | {409: {"description": "It has not failed"}}

_PROGRESS: Final = ("state", "reason", "attempts")


def make_intelligence_app(
    store: PostgresInsightStore,
    dispatcher: Dispatcher,
    sessions: Sessions,
    *,
    checks: Checks,
    cors_origins: tuple[str, ...] = (),
) -> FastAPI:
    """Return the app that shows insights, and how far those are that are not written yet."""
    app = make_app("intelligence", checks=checks, sessions=sessions, cors_origins=cors_origins)

    def visible(issue_id: UUID, user: User) -> None:
        try:
            sessions.require_member(user, store.project_of(issue_id))
        except NotFoundError as error:
            raise NotFoundError("no such issue") from error

    @app.get("/projects/{project_id}/insights", tags=["insights"], responses=answers(Insights))
    def insights(project: MemberProject) -> dict[str, Any]:
        """Return the project's written insights, newest first."""
        return {"insights": store.ready(project, limit=limits.PAGE_SIZE)}

    @app.get("/issues/{issue_id}/insight", tags=["insights"], response_model=None, responses=_INSIGHT)
    def insight(issue_id: UUID, user: CurrentUser) -> dict[str, Any] | Response:
        """Return an issue's insight; 404 until it is written, with its `state`, `reason` and `attempts`."""
        visible(issue_id, user)
        found = store.of_issue(issue_id)
        if found is None:
            reason = "insights are written for issues of level error or critical"
            return _not_written({"state": "none", "reason": reason, "attempts": 0})
        progress = {name: found.pop(name) for name in _PROGRESS}
        return {"insight": found} if progress["state"] == InsightState.READY else _not_written(progress)

    @app.post("/issues/{issue_id}/insight/retry", status_code=202, tags=["insights"], responses=_RETRY)
    def retry(issue_id: UUID, user: CurrentUser) -> dict[str, str]:
        """Ask again for an insight that failed."""
        visible(issue_id, user)
        job = store.ask_again(issue_id)
        if job is None:
            raise ConflictError("only an insight that has failed can be asked for again")
        dispatcher.ring([job])
        return {"status": "queued"}

    return app


def _not_written(progress: dict[str, Any]) -> Response:
    return JSONResponse({"error": "there is no insight yet", **progress}, 404)
