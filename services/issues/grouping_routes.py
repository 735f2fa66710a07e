"""The routes by which people choose how a project groups its events: look, try, switch, undo."""

from typing import Annotated, Any, Final, NamedTuple, Self
from uuid import UUID

import msgspec
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from atlas_core import limits
from atlas_core.grouping import DEFAULT, STRATEGIES, Grouping
from atlas_core.storage.database import Database
from atlas_core.storage.merging import Merges
from atlas_core.storage.regrouping import Regrouping
from atlas_core.storage.similar_issues import Lookalikes
from services.http import CurrentUser, MemberProject, clean
from services.issues.grouping_answers import Similar
from services.openapi import answers

RULES_HELP: Final = f"""
A rule a line: `type:OperationalError message:"*connection slots*" -> database-pool`. Matchers are `KEY:GLOB`,
`KEY:/REGEX/` or `KEY~REGEX`, `!` before one negates it; all must hold, and the first rule that matches decides. A regex
is looked for in the first {limits.GROUPING_REGEX_BYTES:,} bytes of a text, a glob is compared with all of it.
Of a stack the {limits.GROUPING_FRAMES_READ} different frames nearest the crash are read, of all texts that a key names
{limits.GROUPING_CHARACTERS_READ:,} characters, by regular expressions {limits.GROUPING_REGEX_BYTES_READ:,} bytes. What
all rules may take for the worst event is limited to {limits.GROUPING_RULES_COST_MS} ms: that is {limits.GROUPING_RULES}
rules of globs and short regular expressions on messages, but only some 20 regular expressions on frames.
"""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"description": "No such project or change, or not yours to see"},
    409: {"description": "Changed since you saw it, or somebody tries or changes the project's grouping now"},
    422: {"description": "No such strategy, or wrong rules: `error` says at which line and column"},
}


class Groups(NamedTuple):
    """The stores behind merges and grouping."""

    merges: Merges
    regrouping: Regrouping
    lookalikes: Lookalikes

    @classmethod
    def of(cls, database: Database) -> Self:
        """Return the stores on one database."""
        return cls(Merges(database), Regrouping(database), Lookalikes(database))


class Wanted(BaseModel):
    """How events are grouped."""

    model_config = ConfigDict(extra="forbid")

    strategy: Annotated[str, Field(max_length=limits.NAME_CHARACTERS)] = DEFAULT
    rules: Annotated[str, Field(max_length=limits.GROUPING_RULES_CHARACTERS, description=RULES_HELP)] = ""

    def grouping(self) -> Grouping:
        """Return it as the vocabulary has it."""
        return Grouping(self.strategy, clean(self.rules))


class Switch(Wanted):
    """How events are grouped from now on."""

    expected_version: Annotated[int | None, Field(ge=0)] = Field(
        None, description="The version that you saw: answers 409 when somebody changed the grouping since"
    )


def add_grouping_routes(app: FastAPI, groups: Groups) -> None:
    """Add the routes of grouping to the issue service's app."""
    regrouping = groups.regrouping

    @app.get("/projects/{project_id}/grouping", tags=["grouping"], responses=_ANSWERS)
    def show_grouping(project: MemberProject) -> dict[str, Any]:
        """Return how the project groups its events, what else there is, and the newest 100 changes."""
        return {"strategies": list(STRATEGIES)} | regrouping.state(project)

    @app.post("/projects/{project_id}/grouping/what-if", tags=["grouping"], responses=_ANSWERS)
    def try_grouping(project: MemberProject, body: Wanted) -> dict[str, Any]:
        """Return which issues would merge and split under a grouping, on all events that are kept; changes nothing.

        Issues say whether they are `discarded`; `discarded_stored_again` counts those of which events would come into
        issues that are not, to be stored again. It takes seconds for a million events; more where tags are looked at:
        those events are read one by one, and `fingerprinted_by_tags` says how many they were.
        """
        return {"what_if": regrouping.what_if(project, body.grouping())}

    @app.post("/projects/{project_id}/grouping/what-if/parts", tags=["grouping"], responses=_ANSWERS)
    def try_grouping_in_full(project: MemberProject, body: Wanted) -> StreamingResponse:
        """Stream every part of what would merge and split, not the largest only: a JSON object a line.

        Each has `issue_id`, `events` and where they would go: `into` an issue, or the `fingerprint` of a new one.
        """
        parts = regrouping.what_if_parts(project, body.grouping())
        lines = (msgspec.json.encode(part) + b"\n" for part in parts)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @app.put("/projects/{project_id}/grouping", tags=["grouping"], responses=_ANSWERS)
    def switch_grouping(project: MemberProject, body: Switch, user: CurrentUser) -> dict[str, Any]:
        """Group the project's events so, those that are kept too; return the change, which can be undone.

        Events that arrive meanwhile wait; no issue that comes of it counts as new, and no alert tells of it. An issue
        in use takes in the discarded ones that it joins, and their events are stored again: the summary counts them as
        `discarded_stored_again`. What comes of discarded issues only stays discarded.
        `change_id` is null when the project groups so already.
        """
        return regrouping.apply(project, user.id, body.grouping(), version=body.expected_version)

    @app.post("/projects/{project_id}/grouping/changes/{change_id}/undo", tags=["grouping"], responses=_ANSWERS)
    def undo_grouping(project: MemberProject, change_id: UUID, user: CurrentUser) -> dict[str, Any]:
        """Undo the newest change: issues are as they were before it, with what came since."""
        return regrouping.undo(project, user.id, change_id)

    @app.get(
        "/projects/{project_id}/issues/{issue_id}/similar", tags=["grouping"], responses=_ANSWERS | answers(Similar)
    )
    def list_similar(
        project: MemberProject, issue_id: UUID, limit: Annotated[int, Query(ge=1, le=limits.SIMILAR_SHOWN)] = 5
    ) -> dict[str, Any]:
        """Return issues that may be the same error, most alike first, with a score from 0 to 1 and the reasons.

        They are suggestions: nothing is merged by itself.
        """
        return {"similar": groups.lookalikes.similar(project, issue_id, limit=limit)}
