"""Fingerprints of parts: what an SDK sends or a rule says, with `{{ placeholders }}` that the event fills."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from atlas_core.events import Event
from atlas_core.grouping.crash_sites import crash_frame, module_of

DEFAULT: Final = "default"
"""The placeholder for the fingerprint of the project's strategy."""
TAG: Final = "tags."
PLACEHOLDER: Final = re.compile(r"\{\{[ \t]{0,8}+([A-Za-z_][\w.-]{0,199}+)[ \t]{0,8}+\}\}")

_FILLED: Final[Mapping[str, Callable[[Event], str | None]]] = {
    "type": lambda event: event.type,
    "message": lambda event: event.message,
    "transaction": lambda event: event.transaction,
    "module": lambda event: module_of(frame) if (frame := crash_frame(event)) else None,
    "function": lambda event: frame.function if (frame := crash_frame(event)) else None,
    "release": lambda event: event.release,
    "environment": lambda event: event.environment,
    "level": lambda event: event.level.value,
    "logger": lambda event: event.logger,
}
_SENTRY: Final = {
    "error.type": "type", "error.value": "message", "stack.module": "module", "stack.function": "function",
}  # fmt: skip
NAMES: Final = (DEFAULT, *_FILLED, f"{TAG}NAME")


def is_known(name: str) -> bool:
    """Tell whether a placeholder of this name can be filled; Sentry's names are understood too."""
    return name == DEFAULT or _SENTRY.get(name, name) in _FILLED or (name.startswith(TAG) and len(name) > len(TAG))


def is_default(parts: Sequence[str]) -> bool:
    """Tell whether the parts ask for nothing but the strategy's own fingerprint: none, or the default alone."""
    return not parts or (len(parts) == 1 and _name(parts[0].strip()) == DEFAULT)


def asks_for_default(parts: Sequence[str]) -> bool:
    """Tell whether the strategy's own fingerprint is among the parts."""
    return not parts or any(match[1] == DEFAULT for part in parts for match in PLACEHOLDER.finditer(part))


def looks_at(parts: Sequence[str]) -> set[str]:
    """Return the names of what the placeholders are filled from."""
    return {_SENTRY.get(match[1], match[1]) for part in parts for match in PLACEHOLDER.finditer(part)}


def digest(parts: Sequence[str], event: Event, default: Callable[[Event], bytes]) -> bytes:
    """Return the SHA-256 (32 bytes) of the filled parts; of other parts it differs, wherever they were split.

    Args:
        parts: Texts with placeholders; one that is not known stays as it is.
        event: Fills them; what it lacks is `<no NAME>`.
        default: The fingerprint of the project's strategy.
    """
    if is_default(parts):
        return default(event)
    filled = [PLACEHOLDER.sub(lambda match: _value(match, event, default), part) for part in parts]
    return hashlib.sha256(b"parts\n" + msgspec.json.encode(filled)).digest()


def _value(match: re.Match[str], event: Event, default: Callable[[Event], bytes]) -> str:
    name = match[1]
    if name == DEFAULT:
        return default(event).hex()
    if name.startswith(TAG):
        value = event.tags.get(name.removeprefix(TAG))
    elif is_known(name):
        value = _FILLED[_SENTRY.get(name, name)](event)
    else:
        return match[0]
    return value or f"<no {name}>"


@lru_cache(1_024)
def _name(part: str) -> str:
    match = PLACEHOLDER.fullmatch(part)
    return match[1] if match else ""
