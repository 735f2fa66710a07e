"""Grouping strategies, one file each: which events are the same issue. Frozen once released; add the name below."""

from collections.abc import Callable
from typing import Final

import msgspec

from atlas_core.events import Event
from atlas_core.grouping import message

STRATEGIES: Final[dict[str, Callable[[Event], bytes]]] = {
    message.NAME: message.fingerprint,
}
DEFAULT: Final = message.NAME


class Fingerprint(msgspec.Struct, frozen=True):
    """Which issue an event belongs to: 32 bytes, and the strategy and version that made them."""

    digest: bytes
    strategy: str


class Grouping(msgspec.Struct, frozen=True):
    """How a project groups its events."""

    strategy: str = DEFAULT

    def fingerprint(self, event: Event) -> Fingerprint:
        """Return the event's fingerprint."""
        return Fingerprint(STRATEGIES[self.strategy](event), f"{self.strategy}:1")
