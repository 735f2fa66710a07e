"""The routes of a project's keys and limits."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, Field

from atlas_core import limits
from atlas_core.projects import dsn
from atlas_core.storage.identity import IdentityStore
from services.fields import Name
from services.http import MemberProject
from services.identity.answers import KeyMade, Keys, LimitsAnswer
from services.openapi import Answers, Done, answers

_MADE: Final[Answers] = answers(KeyMade, 201) | {
    409: {"description": "The project has as many live keys as it may have"}
}

Limit = Annotated[int, Field(ge=0, lt=2**53)]


class NewKey(BaseModel):
    """What a key is for."""

    label: Name = "key"


class Rotation(BaseModel):
    """How long the old key stays good beside the new one."""

    grace_s: Annotated[int, Field(ge=0, le=limits.KEY_GRACE_S)] = 0


class ProjectLimits(BaseModel):
    """What a project may send: null is what the settings say, 0 is no limit; what is not named stays."""

    rate_per_s: Limit | None = None
    events_per_day: Limit | None = None


def add_key_routes(app: FastAPI, store: IdentityStore, ingest_host: str) -> None:
    """Add the routes by which members see, make, replace and revoke keys."""

    @app.get("/project/projects/{project_id}/keys", tags=["keys"], responses=answers(Keys))
    def keys(project: MemberProject) -> dict[str, Any]:
        """Return a project's keys, without their secrets."""
        return {"keys": store.keys(project)}

    @app.post("/project/projects/{project_id}/keys", status_code=201, tags=["keys"], responses=_MADE)
    def create_key(project: MemberProject, body: NewKey) -> dict[str, Any]:
        """Make a further key; it is shown here and never again."""
        key, api_key = store.add_key(project, body.label)
        ingest_id = key.pop("ingest_id")
        return {"key": key | shown_once(api_key, ingest_host, ingest_id)}

    @app.post("/project/projects/{project_id}/keys/{key_id}/rotate", status_code=201, tags=["keys"], responses=_MADE)
    def rotate_key(project: MemberProject, key_id: UUID, body: Rotation | None = None) -> dict[str, Any]:
        """Make a key in the place of another, which ends at once or after a time of grace."""
        key, api_key = store.rotate_key(project, key_id, body.grace_s if body else 0)
        ingest_id = key.pop("ingest_id")
        return {"key": key | shown_once(api_key, ingest_host, ingest_id)}

    @app.delete("/project/projects/{project_id}/keys/{key_id}", tags=["keys"], responses=answers(Done))
    def revoke_key(project: MemberProject, key_id: UUID) -> dict[str, str]:
        """Make a key useless, everywhere within five seconds."""
        store.revoke_key(project, key_id)
        return {"status": "revoked"}


def add_limit_routes(app: FastAPI, store: IdentityStore) -> None:
    """Add the routes by which members see and change what their project may send."""

    @app.get("/project/projects/{project_id}/limits", tags=["projects"], responses=answers(LimitsAnswer))
    def project_limits(project: MemberProject) -> dict[str, Any]:
        """Return what the project may send: events a second for each key, events a day for all."""
        return {"limits": store.project_limits(project)}

    @app.patch("/project/projects/{project_id}/limits", tags=["projects"], responses=answers(LimitsAnswer))
    def change_limits(project: MemberProject, body: ProjectLimits) -> dict[str, Any]:
        """Change what the project may send; it holds within five seconds."""
        return {"limits": store.set_project_limits(project, body.model_dump(exclude_unset=True))}


def shown_once(api_key: str, ingest_host: str, ingest_id: int) -> dict[str, str]:
    """Return the key and the addresses that hold it, as they are shown when it is made."""
    return {
        "api_key": api_key,
        "dsn": dsn(api_key, ingest_host, ingest_id),
        "otlp_endpoint": f"http://{ingest_host}/otlp",
    }
