"""The ingestion app: native and Sentry routes over one path from bytes to the log."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from atlas_core import limits
from atlas_core.errors import AtlasError
from atlas_core.events import Event, utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols import native, sentry
from atlas_core.protocols.decoding import inflate
from atlas_core.scrubbing import scrub
from atlas_core.topics import ATLAS_EVENTS, event_key
from services.http import RETRY_AFTER_S, Checks, make_app, status_of
from services.ingestion.documentation import PATHS
from services.ingestion.group_commit import GroupCommit
from services.ingestion.keys import KeyCache
from services.ingestion.requests import PREFLIGHT_HEADERS, Answer, Call, json_answer

_NATIVE: Final = re.compile(r"/api/ingest/events(/batch)?/?")
# A prefix may stand before it: a Sentry DSN can name a path.
_SENTRY: Final = re.compile(r"(?:/[\w.-]+)*/api/(\d{1,19})/(envelope|store|security|csp-report)/?")

# Sentry SDKs stop sending what is dropped here; errors are untouched.
_UNSUPPORTED: Final = (
    b"x-sentry-rate-limits",
    b"86400:transaction;span;profile;profile_chunk;session;replay;monitor;log_item;trace_metric:project:unsupported",
)
_Handler = Callable[[Call], Awaitable[Answer]]


class IngestionApp:
    """An ASGI app: ingest routes are answered here, all else (health, metrics, OpenAPI) by FastAPI.

    The request path avoids per-request framework machinery: on one core a FastAPI route with a model takes a third
    of the requests that this takes.
    """

    def __init__(self, commit: GroupCommit, keys: KeyCache, fallback: FastAPI) -> None:
        self._commit = commit
        self._keys = keys
        self._fallback = fallback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._route(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._fallback(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Answer(204, b"", PREFLIGHT_HEADERS).send(send)
        elif scope["method"] != "POST":
            await json_answer(405, {"error": "send it by POST"}, (b"allow", b"POST")).send(send)
        else:
            answer = await route(Call(scope, receive))
            await answer.send(send)

    def _route(self, path: str) -> _Handler | None:
        if found := _NATIVE.fullmatch(path):
            return self._native_batch if found[1] else self._native
        if found := _SENTRY.fullmatch(path):
            ingest_id, kind = int(found[1]), found[2]
            return lambda call: self._sentry(call, ingest_id, kind)
        return None

    async def _native(self, call: Call) -> Answer:
        try:
            owner = await self._native_owner(call)
            if owner is None:
                return json_answer(401, {"error": "X-API-Key is missing or not a live key of a project"})
            body = await self._body(call, limits.NATIVE_BODY_BYTES, limits.NATIVE_BODY_BYTES)
            event = native.parse(body, owner.project_id, utc_now())
            await self._accept([event])
        except AtlasError as error:
            return _native_error(error)
        return json_answer(202, {"status": "Queued message", "event_id": str(event.event_id)})

    async def _native_batch(self, call: Call) -> Answer:
        try:
            owner = await self._native_owner(call)
            if owner is None:
                return json_answer(401, {"error": "X-API-Key is missing or not a live key of a project"})
            body = await self._body(call, limits.BATCH_WIRE_BYTES, limits.BATCH_WIRE_BYTES)
            items = native.parse_batch(body, call.headers.get("content-type", ""), owner.project_id, utc_now())
            events = [item for item in items if isinstance(item, Event)]
            await self._accept(events)
        except AtlasError as error:
            return _native_error(error)
        problems = [
            {"index": n, "error": str(item)[:200]} for n, item in enumerate(items) if not isinstance(item, Event)
        ]
        ids = [str(event.event_id) for event in events]
        return json_answer(202, {"accepted": len(events), "event_ids": ids, "rejected": problems[:100]})

    async def _native_owner(self, call: Call) -> KeyOwner | None:
        call.check_headers()
        key = call.headers.get("x-api-key") or call.headers.get("authorization", "").removeprefix("Bearer ")
        return await self._keys.owner(key)

    async def _sentry(self, call: Call, ingest_id: int, kind: str) -> Answer:
        try:
            call.check_headers()
            key = sentry.parse_auth(call.headers, call.query)
            if key is not None and not await self._may_write(key, ingest_id):
                return _sentry_error(403, "the key is not a live key of this project")
            body = await self._body(call, limits.ENVELOPE_WIRE_BYTES, limits.ENVELOPE_INFLATED_BYTES)
            if key is None:
                key = sentry.envelope_key(body) if kind == "envelope" else None
                if key is None:
                    return _sentry_error(401, "no key: send X-Sentry-Auth, ?sentry_key= or an envelope with its dsn")
                if not await self._may_write(key, ingest_id):
                    return _sentry_error(403, "the key is not a live key of this project")
            owner = await self._keys.owner(key)
            assert owner is not None
            parsed = _PARSERS[kind](body, owner.project_id, utc_now())
            await self._accept(parsed.events)
        except AtlasError as error:
            return _sentry_error(status_of(error), str(error))
        content = {"id": parsed.event_id} if parsed.event_id else {}
        return json_answer(201 if kind in {"security", "csp-report"} else 200, content, _UNSUPPORTED)

    async def _may_write(self, key: str, ingest_id: int) -> bool:
        owner = await self._keys.owner(key)
        return owner is not None and owner.ingest_id == ingest_id

    async def _body(self, call: Call, wire_bytes: int, inflated_bytes: int) -> bytes:
        encoding = call.headers.get("content-encoding", "")
        body = await call.body(wire_bytes)
        return inflate(body, encoding, inflated_bytes)

    async def _accept(self, events: Sequence[Event]) -> None:
        messages = []
        for event in events:
            clean = scrub(event)
            messages.append(Message(event_key(clean), ATLAS_EVENTS.encode(clean)))
        if messages:
            await self._commit.publish(messages)


_PARSERS: Final[dict[str, Callable[..., Any]]] = {
    "envelope": sentry.parse_envelope,
    "store": sentry.parse_store,
    "security": sentry.parse_security,
    "csp-report": sentry.parse_security,
}


def _native_error(error: AtlasError) -> Answer:
    status = status_of(error)
    retry = ((b"retry-after", str(RETRY_AFTER_S).encode()),) if status == 503 else ()  # noqa: PLR2004
    return json_answer(status, {"error": str(error)[:300]}, *retry)


def _sentry_error(status: int, text: str) -> Answer:
    # No Retry-After here: the JavaScript SDK falls silent on any status that has it.
    shown = text[:300]
    header = shown.encode("ascii", "replace").replace(b"\n", b" ").replace(b"\r", b" ")
    return json_answer(status, {"detail": shown, "error": shown, "causes": []}, (b"x-sentry-error", header))


def make_ingestion_app(commit: GroupCommit, keys: KeyCache, *, checks: Checks) -> IngestionApp:
    """Return the ingestion service's app."""
    fallback = make_app("ingestion", checks=checks)
    described = fallback.openapi()
    described["paths"].update(PATHS)
    fallback.openapi_schema = described
    return IngestionApp(commit, keys, fallback)
