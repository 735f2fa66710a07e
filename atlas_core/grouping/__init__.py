"""Which events are the same issue: a strategy, the SDK's fingerprint, the project's rules.

A strategy is one file and frozen once released; add its module to the list below. Fingerprints of version 1 are held by
`tests/unit/grouping/golden.json`.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from atlas_core.errors import WrongShapeError
from atlas_core.events import Event
from atlas_core.grouping import message, normalized, parts, stacktrace
from atlas_core.grouping.rule_text import rules_of
from atlas_core.grouping.rules import Rule, first_match
from atlas_core.grouping.subjects import TAG
from atlas_core.grouping.variant import BESIDE_CONTENT

_MODULES: Final = (message, normalized, stacktrace)

STRATEGIES: Final[dict[str, Callable[[Event], bytes]]] = {module.NAME: module.fingerprint for module in _MODULES}
DEFAULT: Final = message.NAME

_EXPLAIN: Final[dict[str, Callable[[Event], list[str]]]] = {module.NAME: module.explain for module in _MODULES}
_VERSIONED: Final = {name: f"{name}:1" for name in STRATEGIES}


class Fingerprint(msgspec.Struct, frozen=True):
    """Which issue an event belongs to.

    `digest` is 32 bytes, `strategy` the project's strategy and its version, `explain` how it came about, a line for
    each step; empty unless it was asked for.
    """

    digest: bytes
    strategy: str
    explain: tuple[str, ...] = ()


class Grouping(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a project groups its events; what it stores, as JSON.

    The first rule that matches decides, else the SDK's fingerprint, else the strategy. In a rule and in an SDK's
    fingerprint `{{ default }}` is the strategy's own.

    Raises:
        WrongShapeError: There is no such strategy, or the rules are wrong (`RuleSyntaxError` says where).
    """

    strategy: str = DEFAULT
    rules: str = ""

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise WrongShapeError(f"strategy is one of {', '.join(STRATEGIES)}")
        rules_of(self.rules)

    @property
    def looks_at_tags(self) -> bool:
        """Whether a rule's fingerprint may depend on an event's tags."""
        return any(name.startswith(TAG) for name in self._looks_at)

    @property
    def looks_at_content_only(self) -> bool:
        """Whether events of one content (see variant.py) have one fingerprint, but for their tags."""
        return self._looks_at.isdisjoint(BESIDE_CONTENT)

    @property
    def _looks_at(self) -> set[str]:
        return {name for rule in rules_of(self.rules) for name in rule.looks_at}

    @property
    def version(self) -> str:
        """The strategy with its version, as a fingerprint tells it."""
        return _VERSIONED[self.strategy]

    def fingerprint(self, event: Event) -> Fingerprint:
        """Return the event's fingerprint; the same event always has the same."""
        return Fingerprint(self._digest(event, self._rule(event)), self.version)

    def explained(self, event: Event) -> Fingerprint:
        """Return the event's fingerprint with how it came about."""
        rule = self._rule(event)
        return Fingerprint(self._digest(event, rule), self.version, tuple(self._steps(event, rule)))

    def _rule(self, event: Event) -> Rule | None:
        return first_match(rules_of(self.rules), event) if self.rules else None

    def _digest(self, event: Event, rule: Rule | None) -> bytes:
        own = STRATEGIES[self.strategy]
        if rule is not None:
            return parts.digest(rule.parts, event, own)
        return parts.digest(event.fingerprint, event, own) if event.fingerprint else own(event)

    def _steps(self, event: Event, rule: Rule | None) -> list[str]:
        if rule is not None:
            told, asked = [f"rule in line {rule.line} matched: {rule.text}"], rule.parts
        elif event.fingerprint:
            told, asked = [f"fingerprint of the SDK: {', '.join(event.fingerprint)}"], tuple(event.fingerprint)
        else:
            told, asked = [], ()
        if parts.asks_for_default(asked):
            told += [f"strategy {self.version}", *_EXPLAIN[self.strategy](event)]
        return told
