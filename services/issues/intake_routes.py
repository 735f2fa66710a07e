"""The route that says what became of everything that was sent."""

from typing import Annotated, Any, Final

from fastapi import FastAPI, Query

from atlas_core.events import utc_now
from atlas_core.storage.intake_queries import IntakeQueries
from services.http import MemberProject
from services.issues.grouping_answers import Intake
from services.openapi import answers

LONGEST_HOURS: Final = 24 * 7


def add_intake_routes(app: FastAPI, intake: IntakeQueries) -> None:
    """Add the balance of a project."""

    @app.get("/projects/{project_id}/intake", tags=["issues"], responses=answers(Intake))
    def show_intake(
        project: MemberProject, hours: Annotated[int, Query(ge=1, le=LONGEST_HOURS)] = 24
    ) -> dict[str, Any]:
        """Return the last hours, newest first: accepted = stored + in flight + dropped by reason.

        `dropped` was accepted and is not kept (`repeated`: an event id that came before, `discarded`, `dead_letter`);
        `refused` was not accepted (`rate_limit`, `quota`, `spike`, `invalid`, `too_large`, `unavailable`), or was an
        item that is no event. `in_flight_is_known` is false while the event log does not say what waits there.
        """
        found = intake.hours(project, hours, utc_now())
        return {"hours": [{name: getattr(hour, name) for name in hour.__struct_fields__} for hour in found]}
