"""The routes of a project's settings."""

from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from atlas_core import limits
from services.http import CurrentUser, MemberProject
from services.issues.reads import Reads
from services.issues.work_answers import SettingsAnswer
from services.openapi import answers


class Settings(BaseModel):
    """What a project may choose."""

    model_config = ConfigDict(extra="forbid")

    retention_days: Annotated[int, Field(ge=1, le=limits.RETENTION_DAYS_MOST, description="How long events are kept")]


def add_settings_routes(app: FastAPI, reads: Reads) -> None:
    """Add the routes of settings to the issue service's app."""

    @app.get("/projects/{project_id}/settings", tags=["settings"], responses=answers(SettingsAnswer))
    def show_settings(project: MemberProject) -> dict[str, Any]:
        """Return how long the project keeps its events, in days."""
        return {"settings": reads.settings.read(project)}

    @app.put("/projects/{project_id}/settings", tags=["settings"], responses=answers(SettingsAnswer))
    def change_settings(project: MemberProject, body: Settings, user: CurrentUser) -> dict[str, Any]:
        """Choose how long events are kept; within the hour older ones are deleted for good, their issues stay."""
        return {"settings": reads.settings.write(project, user.id, retention_days=body.retention_days)}
