"""`/otlp/v1/logs`, `/otlp/v1/traces` and what Sentry's own SDKs call them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from atlas_core import limits
from atlas_core.errors import AtlasError, UnsupportedEncodingError
from atlas_core.events import utc_now
from atlas_core.ports import Message
from atlas_core.projects import KeyOwner
from atlas_core.protocols.envelope import INVALID, TOO_LARGE
from atlas_core.protocols.otlp import SOURCE, events_of
from atlas_core.protocols.otlp_ids import Ids, Ordinals
from atlas_core.protocols.otlp_json import from_json
from atlas_core.protocols.otlp_protobuf import from_protobuf
from atlas_core.protocols.otlp_reports import LOGS
from services.ingestion.intake import Intake, clean_messages
from services.ingestion.refusals import KeyMissingError, WrongKeyError, refusal_status, refusal_text
from services.ingestion.requests import Answer, Call, retry_headers

_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"
_TYPES: Final = {_JSON: _JSON, _PROTOBUF: _PROTOBUF, "application/protobuf": _PROTOBUF}
_CODES: Final = {
    400: Code.INVALID_ARGUMENT, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED, 429: Code.RESOURCE_EXHAUSTED,
    503: Code.UNAVAILABLE,
}  # fmt: skip


class OtlpRoutes:
    """Answers OpenTelemetry's exporters, in the encoding that they ask in."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._ordinals = Ordinals()
        self._under_way: dict[bytes, list[int]] = {}

    async def take(self, call: Call, signal: str, ingest_id: int | None) -> Answer:
        """Take the errors among the records of a request."""
        owner = await self._owner(call, ingest_id)
        kind = _content_type(call)
        if kind is None:
            raise UnsupportedEncodingError(f"Content-Type is neither {_PROTOBUF} nor {_JSON}")
        body = await call.body(limits.OTLP_BODY_BYTES, limits.OTLP_BODY_BYTES)
        now = utc_now()
        with self._occurrence(body) as digest:
            ids = Ids(owner.project_id, signal, digest, self._ordinals)

            def read() -> tuple[dict[str, int], list[Message]]:
                reports = (from_json if kind == _JSON else from_protobuf)(signal, body)
                messages: list[Message] = []
                size_bytes = 0
                for event in events_of(reports, owner.project_id, now, ids):
                    messages += clean_messages([event])
                    size_bytes += len(messages[-1].body)
                    if len(messages) >= limits.OTLP_EVENTS or size_bytes > limits.OTLP_EVENTS_BYTES:
                        reports.full = True
                return {INVALID: reports.rejected, TOO_LARGE: reports.surplus}, messages

            left_out, messages = await self._intake.run(len(body), read)
            await self._intake.accept(owner, SOURCE, messages, now)
        self._intake.leave_out(owner, {reason: number for reason, number in left_out.items() if number}, now)
        return Answer(200, _response(kind, signal, sum(left_out.values())), content_type=kind.encode())

    def refuse(self, call: Call, error: AtlasError) -> Answer:
        """Return the answer for a request that is not accepted: a `google.rpc.Status`."""
        status = refusal_status(error)
        code, text = _CODES.get(status, Code.INVALID_ARGUMENT), refusal_text(error)
        retry = retry_headers(error)
        if _content_type(call) == _PROTOBUF:
            body = Status(code=code, message=text).SerializeToString()
            return Answer(status, body, retry, _PROTOBUF.encode())
        return Answer(status, msgspec.json.encode({"code": code, "message": text}), retry)

    async def _owner(self, call: Call, ingest_id: int | None) -> KeyOwner:
        call.check_headers()
        key = self._intake.key_of(call)
        if key is None:
            raise KeyMissingError("no key: send X-API-Key")
        try:
            return await self._intake.owner(call, key, ingest_id)
        except WrongKeyError as error:
            if ingest_id is not None:
                raise
            raise KeyMissingError("X-API-Key is not a live key of a project") from error

    @contextmanager
    def _occurrence(self, body: bytes) -> Iterator[bytes]:
        """Yield what tells this request from all others; a request sent again has the same.

        No exporter repeats a request that is not answered yet: equal ones under way at the same time are different
        reports (JavaScript's clock has milliseconds).
        """
        digest = hashlib.blake2b(body, digest_size=16).digest()
        state = self._under_way.setdefault(digest, [0, 0])
        number = state[1]
        state[0], state[1] = state[0] + 1, number + 1
        try:
            yield digest + number.to_bytes(4, "big")
        finally:
            state[0] -= 1
            if not state[0]:
                del self._under_way[digest]


def _content_type(call: Call) -> str | None:
    return _TYPES.get(call.header(b"content-type").partition(";")[0].strip().lower())


def _response(kind: str, signal: str, rejected: int) -> bytes:
    """Return an `Export...ServiceResponse`; it is empty on full success."""
    problem = "records that are none or too large, or more than one request may hold" if rejected else ""
    if kind == _JSON:
        name = "rejectedLogRecords" if signal == LOGS else "rejectedSpans"
        partial: dict[str, Any] = {"partialSuccess": {name: str(rejected), "errorMessage": problem}}
        return msgspec.json.encode(partial if rejected else {})
    if signal == LOGS:
        logs = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=problem)
        return ExportLogsServiceResponse(partial_success=logs if rejected else None).SerializeToString()
    spans = ExportTracePartialSuccess(rejected_spans=rejected, error_message=problem)
    return ExportTraceServiceResponse(partial_success=spans if rejected else None).SerializeToString()
