"""What is kept of an event: its JSON, compressed. Imports little, for processes that only read bodies."""

from collections.abc import Sequence
from typing import Final

import msgspec
import zstandard

from atlas_core.events import Event
from atlas_core.grouping import Fingerprint, Grouping


class Tagged(msgspec.Struct):
    """What an event can be searched by; far quicker to read than all of it."""

    tags: dict[str, str] = {}
    release: str | None = None
    environment: str | None = None


_EVENT: Final = msgspec.json.Decoder(Event)
_TAGGED: Final = msgspec.json.Decoder(Tagged)


def read_event(body: bytes) -> Event:
    """Return the event in a body."""
    return _EVENT.decode(zstandard.ZstdDecompressor().decompress(body))


def read_tags(bodies: Sequence[bytes]) -> list[Tagged]:
    """Return the tags of each event."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [_TAGGED.decode(decompress(body)) for body in bodies]


def fingerprints_of(grouping: Grouping, bodies: Sequence[bytes]) -> list[Fingerprint]:
    """Return the fingerprint of each event."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [grouping.fingerprint(_EVENT.decode(decompress(body))) for body in bodies]
