"""What rules read of an event: as much as the limits say, so that no event costs them more than was reckoned."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from atlas_core import limits
from atlas_core.events import Event, Frame
from atlas_core.grouping.crash_sites import module_of

Texts = tuple[str, ...]

TAG: Final = "tags."
_TYPE: Final = "type"
_TEXT: Final[Mapping[str, Callable[[Event], str | None]]] = {
    "message": lambda event: event.message,
    "transaction": lambda event: event.transaction,
    "release": lambda event: event.release,
    "environment": lambda event: event.environment,
    "level": lambda event: event.level.value,
    "logger": lambda event: event.logger,
}
_OF_A_FRAME: Final[Mapping[str, Callable[[Frame], Texts]]] = {
    "module": lambda frame: _known((module_of(frame),)),
    "function": lambda frame: _known((frame.function,)),
    "path": lambda frame: _known(path and path.replace("\\", "/") for path in (frame.abs_path, frame.filename)),
}
KEYS_OF_FRAMES: Final = tuple(_OF_A_FRAME)
KEYS: Final = (_TYPE, *_TEXT, *KEYS_OF_FRAMES)


class Subject:
    """One event before all rules: what a key names is looked up once."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self._frames: list[tuple[Texts, ...]] | None = None
        self._read: dict[tuple[str, bool], list[Texts]] = {}

    def read(self, key: str, *, by_regex: bool) -> list[Texts]:
        """Return the texts that a key names, in the order in which they count.

        Of a key of frames they are the texts of each frame: of the different ones, the nearest to the crash first, so
        that one place is one frame, whatever the key.
        """
        known = self._read.get((key, by_regex))
        if known is None:
            known = self._read[key, by_regex] = self._look_up(key, by_regex=by_regex)
        return known

    def _look_up(self, key: str, *, by_regex: bool) -> list[Texts]:
        if key in _OF_A_FRAME:
            place = KEYS_OF_FRAMES.index(key)
            return _within((frame[place] for frame in self._different_frames()), by_regex=by_regex)
        if key == _TYPE:
            types = (self._event.type, *[value.type for value in reversed(self._event.exceptions)])
            return _within(((text,) for text in dict.fromkeys(_known(types))), by_regex=by_regex)
        text_of = _TEXT.get(key)
        text = text_of(self._event) if text_of else self._event.tags.get(key.removeprefix(TAG))
        return [] if text is None else [(text,)]

    def _different_frames(self) -> list[tuple[Texts, ...]]:
        if self._frames is None:
            frames = (frame for value in reversed(self._event.exceptions) for frame in reversed(value.frames))
            texts = (tuple(texts_of(frame) for texts_of in _OF_A_FRAME.values()) for frame in frames)
            self._frames = list(dict.fromkeys(texts))[: limits.GROUPING_FRAMES_READ]
        return self._frames


def _within(texts: Iterable[Texts], *, by_regex: bool) -> list[Texts]:
    """Return as many as the limits allow to be read, and the first in any case."""
    left = limits.GROUPING_REGEX_BYTES_READ if by_regex else limits.GROUPING_CHARACTERS_READ
    found: list[Texts] = []
    for each in texts:
        left -= sum(min(len(text.encode()), limits.GROUPING_REGEX_BYTES) if by_regex else len(text) for text in each)
        if left < 0 and found:
            break
        found.append(each)
    return found


def _known(texts: Iterable[str | None]) -> Texts:
    return tuple(text for text in texts if text is not None)
