"""The alert service's routes."""

from typing import Any, Final
from uuid import UUID

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel

from atlas_core.conditions import Condition
from atlas_core.errors import NotFoundError, RejectedError
from atlas_core.storage.alerts import PostgresAlertStore
from services.alerts.answers import Alerts, RuleAnswer, Rules, Unread
from services.fields import Name
from services.http import Checks, CurrentUser, MemberProject, Sessions, clean, make_app
from services.openapi import Answers, Done, answers

_FULL: Final[Answers] = {409: {"description": "The project has as many rules as it may have"}}

_LARGEST = 2**62


class NewRule(BaseModel):
    """A rule as asked for; `threshold` matters to `count_threshold` alone."""

    name: Name
    condition: str
    threshold: int = 0


def make_alerts_app(
    store: PostgresAlertStore, sessions: Sessions, *, checks: Checks, cors_origins: tuple[str, ...] = ()
) -> FastAPI:
    """Return the app for alert rules and the alert log."""
    app = make_app("alerts", checks=checks, sessions=sessions, cors_origins=cors_origins)
    _add_rule_routes(app, store)
    _add_alert_routes(app, store, sessions)
    return app


def _add_rule_routes(app: FastAPI, store: PostgresAlertStore) -> None:
    @app.post(
        "/projects/{project_id}/rules", status_code=201, tags=["rules"], responses=answers(RuleAnswer, 201) | _FULL
    )
    def create_rule(project: MemberProject, body: NewRule) -> dict[str, Any]:
        """Make a rule; it holds for what arrives from now on."""
        return {"rule": store.add_rule(project, body.name, condition_of(body))}

    @app.get("/projects/{project_id}/rules", tags=["rules"], responses=answers(Rules))
    def rules(project: MemberProject) -> dict[str, Any]:
        """Return the project's rules, newest first."""
        return {"rules": store.rules(project)}

    @app.delete("/projects/{project_id}/rules/{rule_id}", tags=["rules"], responses=answers(Done))
    def delete_rule(project: MemberProject, rule_id: UUID) -> dict[str, str]:
        """Delete a rule; what it has said stays in the alert log."""
        store.delete_rule(project, rule_id)
        return {"status": "deleted"}


def _add_alert_routes(app: FastAPI, store: PostgresAlertStore, sessions: Sessions) -> None:
    @app.get("/projects/{project_id}/alerts", tags=["alerts"], responses=answers(Alerts))
    def alerts(project: MemberProject) -> dict[str, Any]:
        """Return the project's 50 newest alerts, newest first."""
        return {"alerts": store.alerts(project)}

    @app.get("/projects/{project_id}/alerts/unread", tags=["alerts"], responses=answers(Unread))
    def unread(project: MemberProject) -> dict[str, int]:
        """Return how many alerts nobody has acknowledged."""
        return {"unread_count": store.unread_count(project)}

    @app.post("/alerts/{alert_id}/acknowledge", tags=["alerts"], responses=answers(Done))
    def acknowledge(alert_id: UUID, user: CurrentUser) -> dict[str, str]:
        """Mark an alert as read."""
        project_id = store.project_of(alert_id)
        try:
            sessions.require_member(user, project_id)
        except NotFoundError as error:
            raise NotFoundError("no such alert") from error
        store.acknowledge(project_id, alert_id)
        return {"status": "acknowledged"}


def condition_of(body: NewRule) -> Condition:
    """Return the condition that a request names.

    Raises:
        RejectedError: There is none of that name, or its threshold will not do.
    """
    if not -_LARGEST < body.threshold < _LARGEST:
        raise RejectedError("threshold is too large")
    try:
        condition: Condition = msgspec.convert(
            {"condition": clean(body.condition), "threshold": body.threshold}, Condition
        )
    except msgspec.ValidationError as error:
        raise RejectedError(str(error)[:200]) from error
    return condition
