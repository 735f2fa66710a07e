"""A project's own rules: which events go together, by what they say. The first rule that matches decides."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from atlas_core.events import Event, Frame
from atlas_core.grouping import parts
from atlas_core.grouping.crash_sites import module_of

Test = Callable[[str], bool]
Values = tuple[str | None, ...]

TAG: Final = "tags."
_VALUES: Final[Mapping[str, Callable[[Event], Values]]] = {
    "type": lambda event: (event.type, *[value.type for value in event.exceptions]),
    "message": lambda event: (event.message,),
    "transaction": lambda event: (event.transaction,),
    "release": lambda event: (event.release,),
    "environment": lambda event: (event.environment,),
    "level": lambda event: (event.level.value,),
    "logger": lambda event: (event.logger,),
}
_OF_A_FRAME: Final[Mapping[str, Callable[[Frame], Values]]] = {
    "module": lambda frame: (module_of(frame),),
    "function": lambda frame: (frame.function,),
    "path": lambda frame: tuple(path and path.replace("\\", "/") for path in (frame.abs_path, frame.filename)),
}
KEYS: Final = (*_VALUES, *_OF_A_FRAME)


class Matcher(msgspec.Struct, frozen=True):
    """One condition of a rule.

    `key` is one of `KEYS` or `tags.` and a name. `test` judges one value. A negated matcher holds when no value
    passes, so also when there is none.
    """

    key: str
    test: Test
    negated: bool = False

    @property
    def is_of_a_frame(self) -> bool:
        """Whether it looks at stack frames."""
        return self.key in _OF_A_FRAME

    def holds(self, event: Event) -> bool:
        """Tell whether the condition holds for an event, when it does not look at frames."""
        values_of = _VALUES.get(self.key)
        values = values_of(event) if values_of else (event.tags.get(self.key.removeprefix(TAG)),)
        return self._passes(values) != self.negated

    def passes_frame(self, frame: Frame) -> bool:
        """Tell whether a value of the frame passes the test; negation is the caller's."""
        return self._passes(_OF_A_FRAME[self.key](frame))

    def _passes(self, values: Values) -> bool:
        for value in values:  # noqa: SIM110 -- a generator doubles the time, and this is rules times events
            if value is not None and self.test(value):
                return True
        return False


class Rule(msgspec.Struct, frozen=True):
    """Matchers that must all hold, and the parts of the fingerprint then; `line` counts from 1."""

    matchers: tuple[Matcher, ...]
    parts: tuple[str, ...]
    line: int
    text: str

    @property
    def looks_at(self) -> set[str]:
        """The names of what decides about it or is part of its fingerprint."""
        return {matcher.key for matcher in self.matchers} | parts.looks_at(self.parts)

    def matches(self, event: Event) -> bool:
        """Tell whether every matcher holds; those that look at frames must hold on one and the same frame."""
        for matcher in self.matchers:
            if matcher.key not in _OF_A_FRAME and not matcher.holds(event):
                return False
        on_frames = [matcher for matcher in self.matchers if matcher.is_of_a_frame]
        return not on_frames or _frames_match(on_frames, event)


def first_match(rules: Sequence[Rule], event: Event) -> Rule | None:
    """Return the first rule that matches the event, or None."""
    for rule in rules:
        if rule.matches(event):
            return rule
    return None


def _frames_match(matchers: Sequence[Matcher], event: Event) -> bool:
    wanted = [matcher for matcher in matchers if not matcher.negated]
    unwanted = [matcher for matcher in matchers if matcher.negated]
    frames = [frame for value in event.exceptions for frame in value.frames]
    if any(matcher.passes_frame(frame) for matcher in unwanted for frame in frames):
        return False
    return not wanted or any(all(matcher.passes_frame(frame) for matcher in wanted) for frame in frames)
