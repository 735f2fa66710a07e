"""What OpenAPI says of the ingest routes, which FastAPI does not serve itself."""

from typing import Any, Final

from pydantic import BaseModel, Field

from services.openapi import ErrorAnswer, json_of, schemas_of


class Accepted(BaseModel):
    """An event is on stable storage."""

    status: str
    event_id: str


class NotAnEvent(BaseModel):
    """An item of a batch that is no event."""

    index: int = Field(description="Counted from 0")
    error: str


class BatchAccepted(BaseModel):
    """The events of a batch are on stable storage; what is no event costs nobody else."""

    accepted: int
    event_ids: list[str]
    rejected: list[NotAnEvent]


class SentryAccepted(BaseModel):
    """What a Sentry SDK expects."""

    id: str | None = None


class OtlpAccepted(BaseModel):
    """`ExportLogsServiceResponse` or `ExportTraceServiceResponse`; protobuf to those who send protobuf."""

    partialSuccess: dict[str, Any] | None = None  # noqa: N815 - OTLP's spelling


class OtlpError(BaseModel):
    """`google.rpc.Status`; protobuf to those who send protobuf."""

    code: int
    message: str


_Security = list[dict[str, list[str]]]

_ERRORS: Final = {
    "400": "not what the route takes, or an encoding that is broken",
    "401": "no key, or not a live one",
    "403": "the key is not of this project",
    "413": "too large",
    "415": "an encoding that is not understood",
    "422": "JSON of the wrong shape",
    "429": "more than the key or the project may send; `Retry-After` says when again",
    "431": "the headers are too large",
    "503": "the event log does not answer; send the same event id again",
}
_NATIVE: Final[_Security] = [{"ApiKey": []}, {"Bearer": []}]
_SENTRY: Final[_Security] = [{"SentryAuth": []}, {"SentryKey": []}, {"ApiKey": []}, {"Bearer": []}]
_PROJECT: Final = {"name": "project", "in": "path", "required": True, "schema": {"type": "integer"}}


def _post(
    summary: str,
    accepted: dict[str, type[BaseModel]],
    security: _Security = _NATIVE,
    *parameters: dict[str, Any],
    error: type[BaseModel] = ErrorAnswer,
) -> dict[str, Any]:
    answers = {
        **{
            status: {"description": "on stable storage", "content": json_of(model)}
            for status, model in accepted.items()
        },
        **{status: {"description": said, "content": json_of(error)} for status, said in _ERRORS.items()},
    }
    return {
        "post": {
            "tags": ["ingest"],
            "summary": summary,
            "parameters": list(parameters),
            "security": security,
            "responses": answers,
        }
    }


def _otlp(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return _post(summary, {"200": OtlpAccepted}, _SENTRY, *parameters, error=OtlpError)


PATHS: Final[dict[str, Any]] = {
    "/api/ingest/events": _post("Report one event", {"202": Accepted}),
    "/api/ingest/events/batch": _post("Report events as a JSON array or NDJSON", {"202": BatchAccepted}),
    "/otlp/v1/logs": _otlp("OpenTelemetry log records, protobuf or JSON"),
    "/otlp/v1/traces": _otlp("OpenTelemetry spans, protobuf or JSON"),
    "/api/{project}/integration/otlp/v1/logs": _otlp("The same, as Sentry calls it", _PROJECT),
    "/api/{project}/integration/otlp/v1/traces": _otlp("The same, as Sentry calls it", _PROJECT),
    "/api/{project}/envelope/": _post("Sentry envelope", {"200": SentryAccepted}, _SENTRY, _PROJECT),
    "/api/{project}/store/": _post("Sentry event (older SDKs)", {"200": SentryAccepted}, _SENTRY, _PROJECT),
    "/api/{project}/security/": _post("Content-Security-Policy report", {"201": SentryAccepted}, _SENTRY, _PROJECT),
}
COMPONENTS: Final[dict[str, Any]] = {
    "schemas": schemas_of(Accepted, BatchAccepted, SentryAccepted, OtlpAccepted, OtlpError, ErrorAnswer),
    "securitySchemes": {
        "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "Bearer": {"type": "http", "scheme": "bearer", "description": "The key, as some exporters send it"},
        "SentryAuth": {"type": "apiKey", "in": "header", "name": "X-Sentry-Auth", "description": "`sentry_key=KEY`"},
        "SentryKey": {"type": "apiKey", "in": "query", "name": "sentry_key"},
    },
}
