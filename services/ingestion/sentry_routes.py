"""`/api/{project}/envelope/`, `/store/` and `/security/`: what Sentry SDKs and browsers send."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

from atlas_core import limits
from atlas_core.errors import AtlasError
from atlas_core.events import utc_now
from atlas_core.ports import Message
from atlas_core.protocols.credentials import dsn_key
from atlas_core.protocols.envelope import EnvelopeReader
from atlas_core.protocols.security import parse_security
from atlas_core.protocols.sentry import Parsed, parse_envelope, parse_store
from services.ingestion.intake import Intake, clean_messages
from services.ingestion.refusals import KeyMissingError, refusal_status, refusal_text
from services.ingestion.requests import Answer, Call, json_answer

# SDKs stop sending what is dropped here; errors are untouched.
_UNSUPPORTED: Final = (
    b"x-sentry-rate-limits",
    b"86400:transaction;span;profile;profile_chunk;session;replay;monitor;log_item;trace_metric:project:unsupported",
)
_NO_KEY: Final = "no key: send X-Sentry-Auth, ?sentry_key= or an envelope with its dsn"


class SentryRoutes:
    """Answers for the Sentry protocol; a project is named by its number."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def envelope(self, call: Call, ingest_id: int) -> Answer:
        """Take the events of an envelope."""
        call.check_headers()
        key = self._intake.key_of(call)
        if key is not None:
            await self._intake.owner(call, key, ingest_id)
        reader = EnvelopeReader()
        async for piece in call.pieces(limits.ENVELOPE_WIRE_BYTES, limits.ENVELOPE_INFLATED_BYTES):
            reader.feed(piece)
            call.hold(reader.held_bytes)
            if call.owner is None and (reader.header is not None or reader.broken):
                await self._authorise(call, reader, key, ingest_id)
        reader.finish()
        await self._authorise(call, reader, key, ingest_id)
        assert call.owner is not None
        project_id, size_bytes = call.owner.project_id, sum(map(len, reader.events))
        return await self._accept(size_bytes, lambda: parse_envelope(reader, project_id, utc_now(), call.client_ip))

    async def store(self, call: Call, ingest_id: int) -> Answer:
        """Take one event in the form of older SDKs."""
        project_id = await self._project(call, ingest_id)
        body = await call.body(limits.STORE_WIRE_BYTES, limits.STORE_WIRE_BYTES)
        return await self._accept(len(body), lambda: parse_store(body, project_id, utc_now(), call.client_ip))

    async def security(self, call: Call, ingest_id: int) -> Answer:
        """Take a browser's reports."""
        project_id = await self._project(call, ingest_id)
        body = await call.body(limits.EVENT_ITEM_BYTES, limits.EVENT_ITEM_BYTES)
        query = dict(parse_qsl(call.scope["query_string"].decode("latin-1")))
        events = parse_security(body, project_id, utc_now(), query)
        await self._intake.accept(clean_messages(events))
        return json_answer(201, {}, _UNSUPPORTED)

    def refuse(self, _call: Call, error: AtlasError) -> Answer:
        """Return the answer for a request that is not accepted."""
        # No Retry-After here: the JavaScript SDK falls silent on any status that has it.
        text = refusal_text(error)
        content = {"detail": text, "error": text, "causes": []}
        return json_answer(refusal_status(error), content, (b"x-sentry-error", text.encode("ascii", "replace")))

    async def _accept(self, size_bytes: int, parse: Callable[[], Parsed]) -> Answer:
        def read() -> tuple[Parsed, list[Message]]:
            parsed = parse()
            return parsed, clean_messages(parsed.events)

        parsed, messages = await self._intake.run(size_bytes, read)
        await self._intake.accept(messages)
        return json_answer(200, {"id": parsed.event_id} if parsed.event_id else {}, _UNSUPPORTED)

    async def _project(self, call: Call, ingest_id: int) -> UUID:
        call.check_headers()
        key = self._intake.key_of(call)
        if key is None:
            raise KeyMissingError(_NO_KEY)
        return (await self._intake.owner(call, key, ingest_id)).project_id

    async def _authorise(self, call: Call, reader: EnvelopeReader, key: str | None, ingest_id: int) -> None:
        """Return if the envelope's own key, where it has one, is right too."""
        own = dsn_key(reader.header.get("dsn")) if reader.header else None
        if key is not None and own is not None and own != key:
            raise KeyMissingError("the request and its envelope name two different keys")
        if call.owner is None:
            if own is None:
                raise KeyMissingError(_NO_KEY)
            await self._intake.owner(call, own, ingest_id)
