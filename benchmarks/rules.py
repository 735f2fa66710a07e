"""What a project's rules cost an event: of rule sets made to be slow, as large as is accepted, and of ordinary ones.

`python -m benchmarks.rules`: for each kind of matcher the largest rule set of it, on events made for it whose fields
are at their limits, in processor time.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from atlas_core import limits
from atlas_core.events import Event, ExceptionValue, Frame
from atlas_core.grouping.rule_text import RuleSyntaxError, rules_of
from atlas_core.grouping.rules import Rule, first_match
from atlas_core.testing import make_event

EVENTS: Final = 5
_Text = Callable[[int], str]
_RANDOM: Final = random.Random(1)


def _ab(characters: int) -> str:
    return "".join(_RANDOM.choices("ab", k=characters))


def _a(characters: int) -> str:
    return _ab(min(characters, 6)) + "a" * (characters - 6)


# Automata with more states than there is memory for, long programs, and globs that nearly match everywhere.
SLOW: Final[dict[str, _Text]] = {
    "/a[ab]{7}c/": _ab, "/a[ab]{24}c/": _ab, "/[ab]*a[ab]{14}c/": _ab, "/[ab]*a[ab]{240}c/": _ab,
    "/(a|b|ab)*a(a|b|ba){9}c/": _ab, "/(|a|b|ab){20}c/": _ab, "/a(b|a)(b|a|ab)(a|b|aa){15}z/": _ab,
    "/(a?b?){60}$/": _ab, "x": _ab, "a*": _ab, "*a*b*a*b*c": _ab, "a*a*a*a*a*a*a*a*c": _a,
    f"*{'a' * 8}b{'a' * 8}*": _a, f"*{'a' * 60}b{'a' * 60}*": _a,
}  # fmt: skip
KEYS: Final = {"message": 1, "type": 51, "tags.a": 1, "module": 250, "function": 250, "path": 500}
ORDINARY: Final = (
    'type:OperationalError message:"*remaining connection slots*" -> database-pool',
    r"message:/^order \d+ failed after \d+ ms$/ !environment:production -> order-failed, {{ environment }}",
    "module:shop.pay.* function:charge tags.tier:gold -> {{ default }}, gold",
    "path:*/site-packages/sqlalchemy/* type:*Error -> sqlalchemy",
)


def fullest(lines: Iterable[str]) -> str:
    """Return as many of the lines as are accepted together, from the first on."""
    text = ""
    for line in lines:
        try:
            rules_of(f"{text}{line}\n")
        except RuleSyntaxError:
            return text
        text += f"{line}\n"
    return text


def worst_event(text: _Text, characters: int) -> Event:
    """Return an event whose fields are at their limits, but for stacks: their texts have so many characters."""
    frames = [
        Frame(module=text(characters), function=text(characters), abs_path=text(characters), filename=text(characters))
        for _ in range(limits.FRAMES)
    ]
    exceptions = [ExceptionValue(type=text(limits.TYPE_CHARACTERS)) for _ in range(limits.EXCEPTIONS - 1)]
    return make_event(
        text(limits.MESSAGE_CHARACTERS),
        type=text(limits.TYPE_CHARACTERS),
        tags={"a": text(limits.TAG_VALUE_CHARACTERS)},
        exceptions=[*exceptions, ExceptionValue(type=text(limits.TYPE_CHARACTERS), frames=frames)],
    )


def took_ms(rules: Sequence[Rule], events: Sequence[Event]) -> float:
    """Return how long the median event takes; each is looked at once."""
    runs = []
    for event in events:
        start = time.thread_time()
        first_match(rules, event)
        runs.append((time.thread_time() - start) * 1_000)
    return sorted(runs)[len(runs) // 2]


def worst_ms(key: str, pattern: str, text: _Text) -> tuple[int, float]:
    """Return how many matchers of a pattern are accepted, and what they take at worst, whatever the stack's texts."""
    matcher = f"!{key}:{pattern}"
    lines = [f"{' '.join([matcher] * n)} type:No -> x" for n in [10] * 30 + [1] * 10]
    written = fullest(lines)
    rules = rules_of(written)
    lengths = (16, 40, 80, 160) if KEYS[key] > 1 else (20,)
    return written.count(matcher), max(
        took_ms(rules, [worst_event(text, length) for _ in range(EVENTS)]) for length in lengths
    )


def main() -> None:
    """Measure and print."""
    for key in KEYS:
        for pattern, text in SLOW.items():
            matchers, ms = worst_ms(key, pattern, text)
            print(f"{key:9} {pattern[:40]:40} {matchers:4} matchers {ms:7.2f} ms", flush=True)
    rules = rules_of("\n".join(ORDINARY * (limits.GROUPING_RULES // len(ORDINARY))))
    print(f"{len(rules)} ordinary rules, worst event {took_ms(rules, [worst_event(_ab, 60)] * EVENTS):.2f} ms")
    print(f"{len(rules)} ordinary rules, small event {took_ms(rules, [make_event('order 17 failed')] * EVENTS):.3f} ms")


if __name__ == "__main__":
    main()
