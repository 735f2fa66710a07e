"""The ingestion app: which route takes a request, and the way out for every refusal."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from atlas_core.errors import AtlasError
from services.http import Checks, make_app, unexpected
from services.ingestion.documentation import COMPONENTS, PATHS
from services.ingestion.intake import Intake
from services.ingestion.native_routes import NativeRoutes
from services.ingestion.otlp_routes import OtlpRoutes
from services.ingestion.requests import PREFLIGHT_HEADERS, Answer, Call, Room, json_answer
from services.ingestion.sentry_routes import SentryRoutes

_NATIVE: Final = "/api/ingest/events"
# A prefix may stand before every route: a DSN can name a path.
_ROUTES: Final = re.compile(
    r"(?:/[^/]*)*?/(?:"
    r"api/ingest/events(?P<batch>/batch)?"
    r"|api/(?P<project>\d{1,19})/(?:(?P<kind>envelope|store|security|csp-report)"
    r"|(?:integration/)?otlp/v1/(?P<signal>logs|traces))"
    r"|otlp/v1/(?P<own_signal>logs|traces)"
    r")/?",
    re.ASCII,
)
_OURS: Final = re.compile(r"/(?:api|otlp)/")

_Handler = Callable[[Call], Awaitable[Answer]]
_Route = tuple[_Handler, Callable[[Call, AtlasError], Answer]]


class IngestionApp:
    """An ASGI app: ingest routes are answered here, all else (health, metrics, OpenAPI) by FastAPI.

    The request path avoids per-request framework machinery: on one core a FastAPI route with a model takes a third
    of the requests that this takes.
    """

    def __init__(self, intake: Intake, fallback: FastAPI) -> None:
        self._intake = intake
        self._native = NativeRoutes(intake)
        self._sentry = SentryRoutes(intake)
        self._otlp = OtlpRoutes(intake)
        self._fallback = fallback
        self._room = Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        route = self._route(path)
        if route is None and not _OURS.search(path):
            await self._fallback(scope, receive, send)
            return
        call = Call(scope, receive, self._room)
        try:
            answer = await self._answer(call, route)
        finally:
            call.hold(0)
        if answer.status < 400 or await call.is_read():  # noqa: PLR2004 - the first of the errors
            await answer.send(send)
        else:
            await answer.send_early(send, call)

    async def _answer(self, call: Call, route: _Route | None) -> Answer:
        if route is None:
            return json_answer(404, {"error": "no such route", "detail": "no such route", "causes": []})
        if call.scope["method"] == "OPTIONS":
            return Answer(204, b"", PREFLIGHT_HEADERS)
        if call.scope["method"] != "POST":
            return json_answer(405, {"error": "send it by POST"}, (b"allow", b"POST, OPTIONS"))
        handle, refuse = route
        try:
            return await handle(call)
        except AtlasError as error:
            self._intake.refuse(call, error)
            return refuse(call, error)

    def _route(self, path: str) -> _Route | None:
        if path == _NATIVE:
            return self._native.event, self._native.refuse
        found = _ROUTES.fullmatch(path)
        if found is None:
            return None
        ingest_id = int(found["project"]) if found["project"] else None
        if signal := found["signal"] or found["own_signal"]:
            return lambda call: self._otlp.take(call, signal, ingest_id), self._otlp.refuse
        if ingest_id is None:
            return self._native.batch if found["batch"] else self._native.event, self._native.refuse
        kinds = {"envelope": self._sentry.envelope, "store": self._sentry.store}
        handle = kinds.get(found["kind"], self._sentry.security)
        return lambda call: handle(call, ingest_id), self._sentry.refuse


def make_ingestion_app(intake: Intake, *, checks: Checks) -> ASGIApp:
    """Return the ingestion service's app."""
    fallback = make_app("ingestion", checks=checks)
    described: dict[str, Any] = fallback.openapi()
    described["paths"].update(PATHS)
    described["components"] = COMPONENTS
    return ServerErrorMiddleware(IngestionApp(intake, fallback), handler=unexpected)
