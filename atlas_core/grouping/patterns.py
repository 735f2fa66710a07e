"""What a rule compares with: globs and regular expressions, both linear in the text.

Source: RE2's syntax, https://github.com/google/re2/wiki/Syntax (read 2026-11).
"""

from collections.abc import Callable
from typing import Final

import re2

from atlas_core.errors import WrongShapeError

Test = Callable[[str], bool]

_INSTRUCTIONS: Final = 500
"""RE2 is linear, but its worst case grows with the compiled size: 3,600 instructions took .4 s for 8,192 characters."""


def glob(pattern: str) -> Test:
    r"""Return a test of a whole text: `*` stands for any text, a backslash makes the next character plain."""
    pieces = _pieces(pattern)
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return first.__eq__
    inner = pieces[1:-1]
    least = sum(map(len, pieces))

    def test(text: str) -> bool:
        if len(text) < least or not (text.startswith(first) and text.endswith(last)):
            return False
        place, end = len(first), len(text) - len(last)
        for piece in inner:
            found = text.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True

    return test


def regex(pattern: str) -> Test:
    """Return a test whether a regular expression matches anywhere in a text.

    Raises:
        WrongShapeError: RE2 does not take it (look-around, back references, broken syntax), or it is too large.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise WrongShapeError(_reason(error)) from error
    if compiled.programsize > _INSTRUCTIONS:
        raise WrongShapeError("its counted repetitions are too large")
    return lambda text: compiled.search(text.encode()) is not None


def _reason(error: re2.error) -> str:
    text = error.args[0] if error.args else b""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


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
