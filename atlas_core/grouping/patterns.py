"""What a rule compares with: globs and regular expressions, both linear in the text.

Source: RE2's syntax, https://github.com/google/re2/wiki/Syntax (read 2026-11).
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec
import re2

from atlas_core import limits
from atlas_core.errors import WrongShapeError

_MEMORY_BYTES: Final = 16 * limits.KIB
"""Of one regular expression: one that outgrows it wastes less time before RE2 gives its automaton up."""
_INSTRUCTIONS: Final = 260
"""Up to here RE2 has its quicker way of reading `limits.GROUPING_REGEX_BYTES` without an automaton."""
_TOO_LARGE: Final = "its counted repetitions are too large, or its classes of characters"


class Pattern(msgspec.Struct, frozen=True):
    """A test of one text.

    `size` says how much work it may be: of a regular expression its instructions, of a glob the texts between two
    stars, which must be looked for.
    """

    test: Callable[[str], bool]
    size: int
    is_regex: bool = False


def glob(pattern: str) -> Pattern:
    r"""Return a test of a whole text: `*` stands for any text, a backslash makes the next character plain."""
    pieces = _pieces(pattern)
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return Pattern(first.__eq__, 0)
    # Not str.find, which takes time of the text times the piece for some: 180 us for 8,192 characters, this 17.
    finders = [re.compile(re.escape(piece), re.DOTALL).search for piece in pieces[1:-1] if piece]
    least = sum(map(len, pieces))

    def test(text: str) -> bool:
        if len(text) < least or not (text.startswith(first) and text.endswith(last)):
            return False
        place, end = len(first), len(text) - len(last)
        for find in finders:
            found = find(text, place, end)
            if found is None:
                return False
            place = found.end()
        return True

    return Pattern(test, len(finders))


def regex(pattern: str) -> Pattern:
    """Return a test whether a regular expression matches anywhere in the first `limits.GROUPING_REGEX_BYTES` of a text.

    Raises:
        WrongShapeError: RE2 does not take it (look-around, back references, broken syntax), or it is too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise WrongShapeError(_reason(error)) from error
    if compiled.programsize > _INSTRUCTIONS:
        raise WrongShapeError(_TOO_LARGE)
    most = limits.GROUPING_REGEX_BYTES
    return Pattern(lambda text: compiled.search(text.encode()[:most]) is not None, compiled.programsize, is_regex=True)


def _reason(error: re2.error) -> str:
    text = error.args[0] if error.args else b""
    told = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return _TOO_LARGE if told.startswith("pattern too large") else told


def _pieces(pattern: str) -> list[str]:
    """Return the plain texts between the stars, one more than there are stars."""
    pieces = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            pieces.append("")
        else:
            pieces[-1] += next(characters, "\\") if character == "\\" else character
    return pieces
