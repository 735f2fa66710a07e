"""What a matcher may cost on the worst event, so that a project's rules cannot stall the events of all others.

Measured on one core with texts made to be slow (`python -m benchmarks.rules`). RE2 is linear in the text, but where its
automaton outgrows its memory it walks the program anew for each byte.
"""

from typing import Final

from atlas_core import limits
from atlas_core.grouping.patterns import Pattern

_TEXTS: Final = {
    "type": 1 + limits.EXCEPTIONS, "module": limits.GROUPING_FRAMES_READ, "function": limits.GROUPING_FRAMES_READ,
    "path": 2 * limits.GROUPING_FRAMES_READ,
}  # fmt: skip
_MATCHER_US: Final = 0.5
_GLOB_US: Final = 0.15
_PIECE_US: Final = 0.2
_CHARACTER_US: Final = 0.0022
_REGEX_US: Final = 1.5
_AUTOMATON_US: Final = 35.0
_AUTOMATON_BYTE_US: Final = 0.28
_INSTRUCTION_BYTE_US: Final = 0.0038


def cost_us(key: str, pattern: Pattern) -> float:
    """Return how many microseconds a test of what a key names may take on the worst event."""
    texts = _TEXTS.get(key, 1)
    if not pattern.is_regex:
        scanned = limits.GROUPING_CHARACTERS_READ if pattern.size else 0
        return _MATCHER_US + texts * (_GLOB_US + _PIECE_US * pattern.size) + _CHARACTER_US * scanned
    read = min(texts * limits.GROUPING_REGEX_BYTES, limits.GROUPING_REGEX_BYTES_READ)
    automaton = min(_AUTOMATON_US * texts, _AUTOMATON_BYTE_US * read)
    return _MATCHER_US + _REGEX_US * texts + automaton + _INSTRUCTION_BYTE_US * pattern.size * read
