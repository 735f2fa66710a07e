"""A project's own rules: which events go together, by what they say. The first rule that matches decides."""

from collections.abc import Iterable, Sequence

import msgspec

from atlas_core.events import Event
from atlas_core.grouping import parts
from atlas_core.grouping.patterns import Pattern
from atlas_core.grouping.subjects import KEYS_OF_FRAMES, Subject, Texts


class Matcher(msgspec.Struct, frozen=True):
    """One condition of a rule.

    `key` is one of `subjects.KEYS` or `tags.` and a name. `pattern` judges one text. A negated matcher holds when no
    text passes, so also when there is none.
    """

    key: str
    pattern: Pattern
    negated: bool = False

    @property
    def is_of_a_frame(self) -> bool:
        """Whether it looks at stack frames."""
        return self.key in KEYS_OF_FRAMES

    def read(self, subject: Subject) -> list[Texts]:
        """Return what it reads of an event."""
        return subject.read(self.key, by_regex=self.pattern.is_regex)

    def passes_any(self, subject: Subject) -> bool:
        """Tell whether any text passes; negation is the caller's."""
        for texts in self.read(subject):  # noqa: SIM110 -- a generator doubles the time, and this is rules times events
            if self.passes(texts):
                return True
        return False

    def passes(self, texts: Texts) -> bool:
        """Tell whether one of these texts passes; negation is the caller's."""
        for text in texts:  # noqa: SIM110 -- as above
            if self.pattern.test(text):
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

    def matches(self, subject: Subject) -> bool:
        """Tell whether every matcher holds; those that look at frames must hold on one and the same frame."""
        on_a_frame = []
        for matcher in self.matchers:
            if matcher.is_of_a_frame and not matcher.negated:
                on_a_frame.append(matcher)
            elif matcher.passes_any(subject) == matcher.negated:
                return False
        return not on_a_frame or _frame_matches(on_a_frame, subject)


def first_match(rules: Sequence[Rule], event: Event) -> Rule | None:
    """Return the first rule that matches the event, or None."""
    subject = Subject(event)
    for rule in rules:
        if rule.matches(subject):
            return rule
    return None


def _frame_matches(matchers: Iterable[Matcher], subject: Subject) -> bool:
    """Tell whether all matchers pass on one frame: each is asked about those where the ones before it passed."""
    places: list[int] | None = None
    for matcher in matchers:
        frames = matcher.read(subject)
        asked = range(len(frames)) if places is None else places
        places = [place for place in asked if place < len(frames) and matcher.passes(frames[place])]
        if not places:
            return False
    return True
