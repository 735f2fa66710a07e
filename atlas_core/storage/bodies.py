"""What is kept of an event: its JSON, compressed. Imports little, for processes that only read bodies."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import zstandard

from atlas_core.events import Event
from atlas_core.grouping import Grouping


class Tagged(msgspec.Struct):
    """What an event can be searched by; far quicker to read than all of it."""

    tags: dict[str, str] = {}
    release: str | None = None
    environment: str | None = None


class Fingerprinted(msgspec.Struct, frozen=True, array_like=True):
    """The fingerprint of an event under a grouping; of every event of its kind, unless it is `by_tags`."""

    digest: bytes
    by_tags: bool


_EVENT: Final = msgspec.json.Decoder(Event)
_TAGGED: Final = msgspec.json.Decoder(Tagged)


def read_event(body: bytes) -> Event:
    """Return the event in a body."""
    return _EVENT.decode(zstandard.ZstdDecompressor().decompress(body))


def read_events(bodies: Sequence[bytes]) -> list[Event]:
    """Return the event in each body."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [_EVENT.decode(decompress(body)) for body in bodies]


def read_tags(bodies: Sequence[bytes]) -> list[Tagged]:
    """Return the tags of each event."""
    decompress = zstandard.ZstdDecompressor().decompress
    return [_TAGGED.decode(decompress(body)) for body in bodies]


def fingerprints_of(grouping: Grouping, bodies: Sequence[bytes]) -> list[Fingerprinted]:
    """Return the fingerprint of each event, and whether its tags were looked at for it."""
    decompress = zstandard.ZstdDecompressor().decompress
    rules_look = grouping.looks_at_tags
    made = []
    for body in bodies:
        event = _EVENT.decode(decompress(body))
        tags = None
        if rules_look or event.fingerprint:
            tags = event.tags = _Watched(event.tags)
        digest = grouping.fingerprint(event).digest
        made.append(Fingerprinted(digest, tags is not None and tags.were_seen))
    return made


class _Watched(dict[str, str]):
    """Tags that know whether somebody looked."""

    were_seen = False

    def __getattribute__(self, name: str) -> Any:
        if name != "were_seen":
            self.were_seen = True
        return super().__getattribute__(name)

    def __getitem__(self, key: str) -> str:
        self.were_seen = True
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.were_seen = True
        return super().__contains__(key)

    def __len__(self) -> int:
        self.were_seen = True
        return super().__len__()

    def __iter__(self) -> Iterator[str]:
        self.were_seen = True
        return super().__iter__()
