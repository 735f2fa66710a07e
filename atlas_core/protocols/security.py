"""Browsers' Content-Security-Policy reports, in the old form (`report-uri`) and the new one (`report-to`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from atlas_core import limits
from atlas_core.errors import RejectedError
from atlas_core.events import Event
from atlas_core.protocols.decoding import read_json
from atlas_core.protocols.sentry import event_of

_REPORTS: Final = 100


def parse_security(body: bytes, project_id: UUID, received_at: datetime, query: Mapping[str, str]) -> list[Event]:
    """Return the events of a body of reports; reports of other kinds are none.

    Args:
        body: `{"csp-report": {...}}`, or a list of `{"type": "csp-violation", "body": {...}}`.
        project_id: Whose they are.
        received_at: When they came.
        query: May name `sentry_release` and `sentry_environment`.

    Raises:
        RejectedError: It is neither.
    """
    value = read_json(body)
    if isinstance(value, list):
        bodies = [item.get("body") for item in value if isinstance(item, dict) and item.get("type") == "csp-violation"]
    elif isinstance(value, dict) and isinstance(value.get("csp-report"), dict):
        bodies = [value["csp-report"]]
    else:
        raise RejectedError("the body is not a Content-Security-Policy report")
    reports = [report for report in bodies if isinstance(report, dict)][:_REPORTS]
    about = {name: query.get(f"sentry_{name}") for name in ("release", "environment")}
    return [event_of(_payload(report) | about, project_id, received_at) for report in reports]


def _payload(report: Mapping[str, Any]) -> dict[str, Any]:
    directive = _first(report, "effective-directive", "effectiveDirective", "violated-directive") or "a directive"
    blocked = _first(report, "blocked-uri", "blockedURL") or "something"
    return {
        "message": f"Blocked '{directive.split(' ', 1)[0]}' from '{blocked}'",
        "level": "warning",
        "logger": "csp",
        "platform": "javascript",
        "extra": dict(report),
        "request": {"url": _first(report, "document-uri", "documentURL")},
    }


def _first(report: Mapping[str, Any], *names: str) -> str:
    found = next((report[name] for name in names if isinstance(report.get(name), str)), "")
    return str(found)[: limits.SHORT_TEXT_CHARACTERS]
