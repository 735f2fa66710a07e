"""What OpenAPI says of the ingest routes, which FastAPI does not serve itself."""

from typing import Any, Final

_ANSWERS: Final = {
    "400": {"description": "not JSON, or an encoding that is broken"},
    "401": {"description": "no key, or not a live one"},
    "413": {"description": "too large"},
    "415": {"description": "an encoding that is not understood"},
    "422": {"description": "JSON of the wrong shape"},
    "503": {"description": "the event log does not answer; send the same event id again"},
}


def _post(summary: str, accepted: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    answers = {accepted: {"description": "on stable storage"}, **_ANSWERS}
    return {"post": {"tags": ["ingest"], "summary": summary, "parameters": list(parameters), "responses": answers}}


def _parameter(name: str, place: str, kind: str = "string", *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": kind}}


_KEY: Final = _parameter("X-API-Key", "header")
_PROJECT: Final = _parameter("project", "path", "integer")

PATHS: Final[dict[str, Any]] = {
    "/api/ingest/events": _post("Report one event", "202", _KEY),
    "/api/ingest/events/batch": _post("Report events as a JSON array or NDJSON", "202", _KEY),
    "/otlp/v1/logs": _post("OpenTelemetry log records, protobuf or JSON", "200", _KEY),
    "/otlp/v1/traces": _post("OpenTelemetry spans, protobuf or JSON", "200", _KEY),
    "/api/{project}/integration/otlp/v1/logs": _post("The same, as Sentry calls it", "200", _PROJECT, _KEY),
    "/api/{project}/integration/otlp/v1/traces": _post("The same, as Sentry calls it", "200", _PROJECT, _KEY),
    "/api/{project}/envelope/": _post("Sentry envelope", "200", _PROJECT),
    "/api/{project}/store/": _post("Sentry event (older SDKs)", "200", _PROJECT),
    "/api/{project}/security/": _post("Content-Security-Policy report", "201", _PROJECT),
}
