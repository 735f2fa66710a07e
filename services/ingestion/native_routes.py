"""`/api/ingest/events` and its batch: Atlas's own API."""

from collections import Counter
from typing import Final

from atlas_core import limits
from atlas_core.errors import AtlasError, RejectedError, WrongShapeError
from atlas_core.events import Event, utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols import native
from services.ingestion.intake import Intake, clean_messages
from services.ingestion.refusals import KeyMissingError, WrongKeyError, outcome_of, refusal_status, refusal_text
from services.ingestion.requests import Answer, Call, json_answer, retry_headers

_PROBLEMS: Final = 100
_Items = list[Event | RejectedError]


class NativeRoutes:
    """Answers for Atlas's own API."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def event(self, call: Call) -> Answer:
        """Take one event."""
        owner = await self._owner(call)
        body = await call.body(limits.NATIVE_BODY_BYTES, limits.NATIVE_BODY_BYTES)
        now = utc_now()
        try:
            event = native.parse(body, owner.project_id, now)
        except WrongShapeError as error:
            raise RejectedError(str(error)) from error  # 400: what the original's clients know; batches are new
        await self._intake.accept(owner, native.SOURCE, clean_messages([event]), now)
        return json_answer(202, {"status": "Queued message", "event_id": str(event.event_id)})

    async def batch(self, call: Call) -> Answer:
        """Take many events; those that are none are told by their place, and cost nobody else."""
        owner = await self._owner(call)
        body = await call.body(limits.BATCH_WIRE_BYTES, limits.BATCH_INFLATED_BYTES)
        kind, now = call.header(b"content-type"), utc_now()

        def read() -> tuple[_Items, list[Event], list[Message]]:
            items = native.parse_batch(body, kind, owner.project_id, now)
            events = [item for item in items if isinstance(item, Event)]
            return items, events, clean_messages(events)

        items, events, messages = await self._intake.run(len(body), read)
        await self._intake.accept(owner, native.SOURCE, messages, now)
        self._intake.leave_out(
            owner, Counter(outcome_of(item) for item in items if isinstance(item, RejectedError)), now
        )
        problems = [{"index": n, "error": str(item)} for n, item in enumerate(items) if not isinstance(item, Event)]
        content = {
            "accepted": len(events),
            "event_ids": [str(event.event_id) for event in events],
            "rejected": problems[:_PROBLEMS],
        }
        if problems and not events:
            return json_answer(422, {"error": "no item of the batch is an event", **content, "rejected": problems[:3]})
        return json_answer(202, content)

    def refuse(self, _call: Call, error: AtlasError) -> Answer:
        """Return the answer for a request that is not accepted."""
        return json_answer(refusal_status(error), {"error": refusal_text(error)}, *retry_headers(error))

    async def _owner(self, call: Call) -> KeyOwner:
        call.check_headers()
        # Whatever else a browser or a proxy adds: this header is meant for us.
        key = call.header(b"x-api-key") or self._intake.key_of(call)
        try:
            return await self._intake.owner(call, key or "")
        except WrongKeyError as error:
            raise KeyMissingError("X-API-Key is missing or not a live key of a project") from error
