"""The text of a traceback, as Python prints it, from what was taken of the exceptions."""

from collections.abc import Iterator
from typing import Final

from atlas_sdk.exceptions import Caught
from atlas_sdk.frames import FIRST_FRAMES, source_line
from atlas_sdk.text import cut

# The server keeps 256 KiB, and a character may have four bytes.
_TRACE_CHARACTERS: Final = 64_000
_BETWEEN: Final = {
    "__cause__": "\nThe above exception was the direct cause of the following exception:\n",
    "__context__": "\nDuring handling of the above exception, another exception occurred:\n",
}


def traceback_text(caught: list[Caught]) -> str:
    """Return the traceback of the first of `caught` and of all that led to it; the middle is cut when it is huge."""
    text = "\n".join(_lines(caught[0], caught)) + "\n"
    if len(text) <= _TRACE_CHARACTERS:
        return text
    half = _TRACE_CHARACTERS // 2
    return f"{text[: half - 20]}\n... (cut) ...\n{text[-half:]}"


def _lines(one: Caught, caught: list[Caught]) -> Iterator[str]:
    members = []
    for child in (other for other in caught if other.parent == one.number):
        if child.source in _BETWEEN:
            yield from _lines(child, caught)
            yield _BETWEEN[child.source]
        else:
            members.append(child)
    yield from _own_lines(one)
    for n, member in enumerate(members, start=1):
        yield f"  +---------------- {n} ----------------"
        yield from (f"  | {line}" for text in _lines(member, caught) for line in text.split("\n"))


def _own_lines(one: Caught) -> Iterator[str]:
    if one.places.kept:
        yield "Traceback (most recent call last):"
    for n, place in enumerate(one.places.kept):
        if n == FIRST_FRAMES and one.places.left_out:
            yield f"  [{one.places.left_out} frames left out]"
        yield f'  File "{place.path}", line {place.lineno}, in {place.function}'
        if line := source_line(place).strip():
            yield f"    {line}"
    name = one.type if one.module in {"builtins", "__main__"} else f"{one.module}.{one.type}"
    members = f" ({one.members} sub-exception{'s' * (one.members > 1)})" if one.members else ""
    yield f"{name}: {cut(one.value)}{members}" if one.value else name + members
    yield from (cut(note) for note in one.notes)
