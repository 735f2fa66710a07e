"""Bodies read as JSON: the standard's, and what real clients write beyond it."""

import codecs
import json
import re
from typing import Any, Final

import msgspec

from atlas_core import limits
from atlas_core.errors import RejectedError

# A text without its end is a match too: were it none, each quote in it would be tried again.
_BRACKETS: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


def read_json(body: bytes) -> Any:
    """Return the JSON value in `body`.

    What Python clients write beyond the standard (NaN, half surrogates, control characters) is read too, and a byte
    that is no UTF-8 as half a surrogate: whoever stores the value mends and marks it. What is nested too deep for the
    reader is cut off there.

    Raises:
        RejectedError: It is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        return _lenient(without_depths(body, limits.JSON_DEPTH))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _lenient(body)


def without_mark(body: bytes) -> bytes:
    """Return text without the byte order mark that .NET and PowerShell write before it."""
    return body.removeprefix(codecs.BOM_UTF8)


def without_depths(body: bytes, depth: int) -> bytes:
    """Return JSON text in which everything nested deeper than `depth` is null; linear in its length."""
    kept: list[bytes] = []
    level = start = 0
    for found in _BRACKETS.finditer(body):
        bracket = body[found.start()]
        if bracket in _OPENING:
            level += 1
            if level == depth + 1:
                kept += [body[start : found.start()], b"null"]
        elif bracket in _CLOSING:
            if level == depth + 1:
                start = found.end()
            level -= 1
    return b"".join(kept) + body[start:] if level <= depth else b""


def _lenient(body: bytes) -> Any:
    try:
        text = without_mark(body).decode("utf-8", "surrogateescape")
        return json.loads(text, parse_int=_integer, strict=False)
    except RecursionError:
        shallow = without_depths(body, limits.JSON_DEPTH)
        if shallow == body:
            raise RejectedError("the body is not JSON") from None
        return _lenient(shallow)
    except ValueError as error:
        raise RejectedError("the body is not JSON") from error


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= limits.JSON_DIGITS else digits
