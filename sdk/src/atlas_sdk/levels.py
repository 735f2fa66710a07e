"""How bad an event is: the five levels of Atlas."""

from typing import Final

from atlas_sdk.text import text_of

_LEVELS: Final = {"debug", "info", "warning", "error", "critical"}
_OTHER_LEVELS: Final = {"warn": "warning", "fatal": "critical"}


def level_of(level: object) -> str:
    """Return one of the five levels; one that Atlas does not have counts as an error."""
    name = text_of(level).lower()
    name = _OTHER_LEVELS.get(name, name)
    return name if name in _LEVELS else "error"
