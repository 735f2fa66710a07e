"""Grouping strategies, one file each: which events are the same issue. Frozen once released; add the name below."""

from collections.abc import Callable
from typing import Final

from atlas_core.events import Event
from atlas_core.grouping import message

STRATEGIES: Final[dict[str, Callable[[Event], bytes]]] = {
    message.NAME: message.fingerprint,
}
DEFAULT: Final = message.NAME
