"""The routes of exports: streams of any length, at the cost of a page."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import StreamingResponse

from atlas_core.events import utc_now
from atlas_core.search import Sort, parse
from atlas_core.storage.exports import ExportedEvent, Wanted, bodies
from atlas_core.storage.issue_search import Asker
from services.http import CurrentUser, MemberProject, Sessions, User
from services.issues.export_formats import Column, Format, Row, written
from services.issues.moments import Moment
from services.issues.reads import Reads
from services.issues.search_routes import UNREADABLE, IssueQuery

ISSUES_AT_ONCE: Final = 1_000
EVENT_COLUMNS: Final = (
    Column("event_id"), Column("issue_id"), Column("sequence", "number"), Column("fingerprint"), Column("strategy"),
    Column("type"), Column("message"), Column("level"), Column("timestamp", "time"), Column("received_at", "time"),
    Column("release"), Column("environment"), Column("platform"), Column("server_name"), Column("logger"),
    Column("transaction"), Column("user"), Column("tags"),
)  # fmt: skip
_ISSUE_COLUMNS: Final = (
    Column("id"), Column("fingerprint"), Column("title"), Column("type"), Column("culprit"), Column("platform"),
    Column("level"), Column("status"), Column("priority"), Column("assignee_id"), Column("count", "number"),
    Column("users", "number"), Column("first_seen", "time"), Column("last_seen", "time"), Column("first_release"),
    Column("last_release"), Column("resolved_at", "time"), Column("regressed_at", "time"),
)  # fmt: skip
_STREAMS: Final[dict[int | str, dict[str, Any]]] = {
    **UNREADABLE,
    200: {
        "description": "A stream. One that is cut (a server stopped, a member removed) ends without its last chunk: "
        "clients report an incomplete transfer, and a Parquet file lacks its footer",
        "content": {form.media_type.split(";")[0]: {} for form in Format},
    },
}
Form = Annotated[Format, Query(alias="format")]


class _Carried(msgspec.Struct):
    """What a table shows of an event beyond its columns in the database."""

    platform: str | None = None
    server_name: str | None = None
    logger: str | None = None
    transaction: str | None = None
    user: dict[str, Any] | None = None
    tags: dict[str, str] = {}


def add_export_routes(app: FastAPI, reads: Reads, sessions: Sessions) -> None:
    """Add the routes of exports to the issue service's app."""

    @app.get("/projects/{project_id}/export/events", tags=["exports"], responses=_STREAMS)
    def export_events(
        project: MemberProject,
        user: CurrentUser,
        *,
        form: Form = Format.NDJSON,
        start: Annotated[Moment, Query(alias="from")] = None,
        to: Annotated[Moment, Query(description="Not part of the time; default: now")] = None,
        issue_id: UUID | None = None,
        query: IssueQuery = "",
    ) -> StreamingResponse:
        """Return the project's events, oldest first; of one issue, or of the issues that a query asks for.

        NDJSON has each event whole, the tables have its main fields. In CSV, text that a spreadsheet would take for a
        formula begins with an apostrophe.
        """
        now = utc_now()
        wanted = Wanted(project, start or datetime.fromtimestamp(0, now.tzinfo), to or now, issue_id, parse(query))
        pages = (event_rows(form, page) for page in reads.exports.pages(wanted, Asker(user.id, now)))
        return _streamed("events", form, _checked(pages, sessions, user, project), EVENT_COLUMNS)

    @app.get("/projects/{project_id}/export/issues", tags=["exports"], responses=_STREAMS)
    def export_issues(
        project: MemberProject, user: CurrentUser, *, form: Form = Format.NDJSON, query: IssueQuery = ""
    ) -> StreamingResponse:
        """Return the project's issues that a query asks for, latest first seen first; stack traces in NDJSON only."""
        pages = _issues(reads, project, query, Asker(user.id, utc_now()))
        return _streamed("issues", form, _checked(pages, sessions, user, project), _ISSUE_COLUMNS)


def _issues(reads: Reads, project_id: UUID, text: str, asker: Asker) -> Iterator[Sequence[Row]]:
    query, cursor = parse(text), None
    while True:
        page, cursor = reads.lists.page(
            [project_id], query, asker, sort=Sort.FIRST_SEEN, limit=ISSUES_AT_ONCE, cursor=cursor
        )
        yield page
        if cursor is None:
            return


def event_rows(form: Format, page: Sequence[ExportedEvent]) -> list[Row]:
    """Return events as a format shows them: whole in NDJSON, flat in a table."""
    row = _whole if form is Format.NDJSON else _flat
    return [row(event, body) for event, body in zip(page, bodies(page), strict=True)]


def _whole(event: ExportedEvent, body: bytes) -> Row:
    place = {name: getattr(event, name) for name in ("event_id", "issue_id", "sequence", "fingerprint", "strategy")}
    return {**msgspec.json.decode(body), **place}


def _flat(event: ExportedEvent, body: bytes) -> Row:
    shown = {**msgspec.structs.asdict(msgspec.json.decode(body, type=_Carried)), **msgspec.structs.asdict(event)}
    del shown["body"]
    return shown


def _checked(
    pages: Iterator[Sequence[Row]], sessions: Sessions, user: User, project_id: UUID
) -> Iterator[Sequence[Row]]:
    """Yield the pages, asking before each whether the asker is still a member: a stream may last for hours."""
    for page in pages:
        sessions.require_member(user, project_id)
        yield page


def _streamed(what: str, form: Format, pages: Iterator[Sequence[Row]], columns: Sequence[Column]) -> StreamingResponse:
    """Return the stream; what goes wrong with its first page is still an answer with a status of its own."""
    first = next(pages, ())
    name = f'attachment; filename="atlas-{what}.{form.value}"'
    pieces = written(form, itertools.chain((first,), pages), columns)
    return StreamingResponse(pieces, media_type=form.media_type, headers={"Content-Disposition": name})
