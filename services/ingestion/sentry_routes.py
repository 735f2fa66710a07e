"""`/api/{project}/envelope/`, `/store/` and `/security/`: what Sentry SDKs and browsers send."""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from atlas_core import limits
from atlas_core.errors import AtlasError
from atlas_core.events import utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols.credentials import dsn_key
from atlas_core.protocols.envelope import EnvelopeReader
from atlas_core.protocols.security import parse_security
from atlas_core.protocols.sentry import SOURCE, Parsed, parse_envelope, parse_store
from services.ingestion.intake import Intake, clean_messages
from services.ingestion.rates import LimitedError
from services.ingestion.refusals import KeyMissingError, refusal_status, refusal_text
from services.ingestion.requests import Answer, Call, json_answer, retry_headers

# SDKs stop sending what is dropped here; errors are untouched.
_UNSUPPORTED: Final = (
    b"x-sentry-rate-limits",
    b"86400:transaction;span;profile;profile_chunk;session;replay;monitor;log_item;trace_metric:project:unsupported",
)
_LIMITED: Final = b"%d:error;default;security;attachment:project:quota"
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
        project_id, now, size_bytes = call.owner.project_id, utc_now(), sum(map(len, reader.events))
        return await self._accept(
            call.owner, size_bytes, now, lambda: parse_envelope(reader, project_id, now, call.client_ip)
        )

    async def store(self, call: Call, ingest_id: int) -> Answer:
        """Take one event in the form of older SDKs."""
        owner, now = await self._owner(call, ingest_id), utc_now()
        body = await call.body(limits.STORE_WIRE_BYTES, limits.STORE_WIRE_BYTES)
        return await self._accept(
            owner, len(body), now, lambda: parse_store(body, owner.project_id, now, call.client_ip)
        )

    async def security(self, call: Call, ingest_id: int) -> Answer:
        """Take a browser's reports."""
        owner, now = await self._owner(call, ingest_id), utc_now()
        body = await call.body(limits.EVENT_ITEM_BYTES, limits.EVENT_ITEM_BYTES)
        query = dict(parse_qsl(call.scope["query_string"].decode("latin-1")))
        events = parse_security(body, owner.project_id, now, query)
        await self._intake.accept(owner, SOURCE, clean_messages(events), now)
        return json_answer(201, {}, _UNSUPPORTED)

    def refuse(self, _call: Call, error: AtlasError) -> Answer:
        """Return the answer for a request that is not accepted."""
        text = refusal_text(error)
        headers = [(b"x-sentry-error", text.encode("ascii", "replace"))]
        if isinstance(error, LimitedError):
            # On no other status: the JavaScript SDK falls silent on any that says when to try again.
            headers += [*retry_headers(error), (b"x-sentry-rate-limits", _LIMITED % error.retry_after_s)]
        return json_answer(refusal_status(error), {"detail": text, "error": text, "causes": []}, *headers)

    async def _accept(self, owner: KeyOwner, size_bytes: int, now: datetime, parse: Callable[[], Parsed]) -> Answer:
        def read() -> tuple[Parsed, list[Message]]:
            parsed = parse()
            return parsed, clean_messages(parsed.events)

        parsed, messages = await self._intake.run(size_bytes, read)
        await self._intake.accept(owner, SOURCE, messages, now)
        self._intake.leave_out(owner, parsed.dropped, now)
        return json_answer(200, {"id": parsed.event_id} if parsed.event_id else {}, _UNSUPPORTED)

    async def _owner(self, call: Call, ingest_id: int) -> KeyOwner:
        call.check_headers()
        key = self._intake.key_of(call)
        if key is None:
            raise KeyMissingError(_NO_KEY)
        return await self._intake.owner(call, key, ingest_id)

    async def _authorise(self, call: Call, reader: EnvelopeReader, key: str | None, ingest_id: int) -> None:
        """Return if the envelope's own key, where it has one, is right too."""
        own = dsn_key(reader.header.get("dsn")) if reader.header else None
        if key is not None and own is not None and own != key:
            raise KeyMissingError("the request and its envelope name two different keys")
        if call.owner is None:
            if own is None:
                raise KeyMissingError(_NO_KEY)
            await self._intake.owner(call, own, ingest_id)
