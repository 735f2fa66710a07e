"""The places a traceback names: taken quickly where the error is, dressed with source lines by the sender."""

import itertools
import linecache
import sysconfig
from collections import deque
from dataclasses import dataclass
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Any, Final

from atlas_sdk.guard import attempt
from atlas_sdk.text import cut, repr_of, storable, text_of

FIRST_FRAMES: Final = 100
LAST_FRAMES: Final = 150
_CONTEXT_LINES: Final = 5
_LINE_CHARACTERS: Final = 512
_VARIABLES: Final = 50
_FRAMES_WITH_VARIABLES: Final = 50
_LIBRARIES: Final = ("/site-packages/", "/dist-packages/", "/atlas_sdk/")
_STANDARD_LIBRARY: Final = tuple(
    path.replace("\\", "/") + "/" for path in {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
)


@dataclass(frozen=True, slots=True)
class Place:
    """One frame of a traceback."""

    path: str
    function: str
    module: str
    lineno: int
    variables: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Places:
    """The frames of a traceback, caller first; `left_out` frames are missing after the first `FIRST_FRAMES`."""

    kept: list[Place]
    left_out: int


def places(trace: TracebackType | None, *, with_variables: bool) -> Places:
    """Return where `trace` went through. Reads no file and runs no host code, but `repr` when `with_variables`."""
    first: list[TracebackType] = []
    last: deque[TracebackType] = deque(maxlen=LAST_FRAMES)
    count = 0
    while trace is not None:
        first.append(trace) if count < FIRST_FRAMES else last.append(trace)
        count += 1
        trace = trace.tb_next
    steps = [*first, *last]
    innermost = len(steps) - _FRAMES_WITH_VARIABLES
    kept = [_place(step, with_variables=with_variables and n >= innermost) for n, step in enumerate(steps)]
    return Places(kept, count - len(kept))


def source_line(place: Place, offset: int = 0) -> str:
    """Return the line of source at `offset` from the place, "" where there is none."""
    return cut(storable(linecache.getline(place.path, place.lineno + offset).rstrip("\r\n")), _LINE_CHARACTERS)


def frame_data(place: Place) -> dict[str, Any]:
    """Return the frame as the wire has it, with the source lines around it."""
    before = [source_line(place, -n) for n in range(min(_CONTEXT_LINES, place.lineno - 1), 0, -1)]
    after = [source_line(place, n) for n in range(1, _CONTEXT_LINES + 1)]
    while after and not after[-1]:
        after.pop()
    data: dict[str, Any] = {
        "filename": _short_path(place),
        "abs_path": storable(place.path),
        "function": storable(place.function),
        "module": storable(place.module),
        "lineno": place.lineno,
        "in_app": _in_app(place.path),
        "pre_context": before,
        "context_line": source_line(place),
        "post_context": after,
    }
    return data if place.variables is None else {**data, "vars": place.variables}


def _place(step: TracebackType, *, with_variables: bool) -> Place:
    frame = step.tb_frame
    code = frame.f_code
    # A source that only a loader knows (a zip) is found later by what this remembers; it reads nothing now.
    attempt(lambda: linecache.lazycache(code.co_filename, frame.f_globals), lambda: False)
    module = frame.f_globals.get("__name__")
    variables = _variables(frame) if with_variables else None
    # A line may be missing on instructions that the compiler added.
    line = step.tb_lineno or code.co_firstlineno
    return Place(code.co_filename, code.co_name, module if isinstance(module, str) else "", line, variables)


def _variables(frame: FrameType) -> dict[str, str]:
    nothing: dict[str, Any] = {}
    variables = attempt(lambda: dict(frame.f_locals), lambda: nothing)
    named = ((text_of(name), value) for name, value in variables.items())
    told = ((name, value) for name, value in named if not name.startswith("__"))
    return {name: repr_of(value) for name, value in itertools.islice(told, _VARIABLES)}


def _in_app(path: str) -> bool:
    plain = path.replace("\\", "/")
    if plain.startswith("<frozen"):
        return False
    return not plain.startswith(_STANDARD_LIBRARY) and not any(name in plain for name in _LIBRARIES)


def _short_path(place: Place) -> str:
    parts = PurePath(place.path).parts
    depth = place.module.count(".") + 1
    if parts and parts[-1] == "__init__.py":
        depth += 1
    return storable("/".join(parts[-depth:])) if parts else ""
