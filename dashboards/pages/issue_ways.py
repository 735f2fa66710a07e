"""What can be done to an issue that needs more than a click."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import ipywidgets

from atlas_core import limits


class Way(NamedTuple):
    """A way, the field it needs (None: none) and what it asks the issue service for."""

    label: str
    field: str | None
    missing: str
    changes: Callable[[Any], dict[str, Any]]


def _in_release(release: str) -> dict[str, Any]:
    return {"status": "resolved", "resolved_in": release.strip()}


def _until(at: datetime) -> dict[str, Any]:
    return {"status": "ignored", "ignored_until": at.isoformat()}


DISCARD: Final = {"discard": True}
WAYS: Final = (
    Way("resolve in the next release", None, "", lambda _value: {"status": "resolved", "resolved_in_next": True}),
    Way("resolve in a release…", "release", "Name the release that has the fix.", _in_release),
    Way("ignore until a time…", "until", "Choose a time.", _until),
    Way(
        "ignore until more events…",
        "number",
        "How many more?",
        lambda n: {"status": "ignored", "ignored_for_events": n},
    ),
    Way(
        "ignore until more users…", "number", "How many more?", lambda n: {"status": "ignored", "ignored_for_users": n}
    ),
    Way("discard, and drop its events from now on", None, "", lambda _value: DISCARD),
)
FIELDS: Final[Mapping[str, Callable[[], ipywidgets.Widget]]] = {
    "release": lambda: ipywidgets.Text(description="Release", placeholder="shop@1.4.2"),
    "until": lambda: ipywidgets.DatetimePicker(description="Until"),
    "number": lambda: ipywidgets.BoundedIntText(100, description="How many", min=1, max=limits.IGNORED_FOR),
}
