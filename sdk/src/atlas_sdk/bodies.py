"""An event as bytes that the server takes: long texts cut, large parts left out."""

import json
from typing import Any, Final

from atlas_sdk.events import Event
from atlas_sdk.text import TEXT_CHARACTERS, cut

# The server takes 1 MiB for an event, and 64 KiB for each of the mappings in it.
_BODY_BYTES: Final = 900_000
_MAPPING_BYTES: Final = 60_000
_STEP_DATA_BYTES: Final = 16_000
_SHORT_CHARACTERS: Final = {"vars": 1_000, "tags": 1_000}
_ESSENTIAL: Final = {"event_id", "level", "message", "stack_trace", "timestamp", "type", "platform", "release", "sdk"}


def body_of(event: Event) -> bytes:
    """Return the event as JSON: longer texts are cut, then whole parts are left out until it is small enough."""
    event = _cut_texts(event, TEXT_CHARACTERS)
    _fit_mappings(event)
    body = _json(event)
    for smaller in (_without_variables, _without_source, _without_stories, _only_the_message):
        if len(body) <= _BODY_BYTES:
            break
        smaller(event)
        body = _json(event)
    return body


def slimmed(body: bytes) -> bytes:
    """Return the body without all that makes an event heavy: for a server that found it too large."""
    event = json.loads(body)
    _only_the_message(event)
    return _json(event)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _cut_texts(value: Any, characters: int) -> Any:
    if isinstance(value, str):
        return cut(value, characters)
    if isinstance(value, dict):
        return {
            key: child if key == "stack_trace" else _cut_texts(child, _SHORT_CHARACTERS.get(key, characters))
            for key, child in value.items()
        }
    return [_cut_texts(child, characters) for child in value] if isinstance(value, list) else value


def _fit_mappings(event: Event) -> None:
    for name in ("user", "contexts", "extra"):
        _fit(event, name, _MAPPING_BYTES)
    for frame in _frames(event):
        _fit(frame, "vars", _MAPPING_BYTES)
    for step in event.get("breadcrumbs") or []:
        _fit(step, "data", _STEP_DATA_BYTES)


def _fit(holder: dict[str, Any], name: str, most_bytes: int) -> None:
    """Leave out the largest values of a mapping until all of it has at most `most_bytes`; say so in their place."""
    values = holder.get(name)
    if not isinstance(values, dict):
        return
    sizes = {key: len(_json(child)) + len(_json(key)) + 2 for key, child in values.items()}
    total = sum(sizes.values())
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= most_bytes:
            return
        values[key] = f"<left out: {sizes[key]} bytes>"
        total -= sizes[key] - len(_json(key)) - len(_json(values[key])) - 2


def _frames(event: Event) -> list[dict[str, Any]]:
    values = event.get("exception", {}).get("values", [])
    return [frame for value in values for frame in value.get("stacktrace", {}).get("frames", [])]


def _without_variables(event: Event) -> None:
    for frame in _frames(event):
        frame.pop("vars", None)


def _without_source(event: Event) -> None:
    for frame in _frames(event):
        frame["pre_context"], frame["post_context"] = [], []


def _without_stories(event: Event) -> None:
    event["breadcrumbs"], event["contexts"], event["extra"], event["user"] = [], {}, {}, {}


def _only_the_message(event: Event) -> None:
    for name in set(event) - _ESSENTIAL:
        del event[name]
    event["stack_trace"] = str(event.get("stack_trace"))[-TEXT_CHARACTERS:]
