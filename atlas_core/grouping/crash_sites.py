"""Where a program crashed, said so that it stays the same over releases and machines; frozen with `stacktrace`."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from atlas_core.events import Event, ExceptionValue, Frame

_LIBRARIES: Final = (
    "/site-packages/", "/dist-packages/", "/lib/python", "<frozen ", "<string>", "/node_modules/", "node:", "internal/",
    "/vendor/", "/usr/lib/", "/usr/local/go/", "/gems/", "webpack/",
)  # fmt: skip
_NAMELESS: Final = re.compile(
    r"(?:^|\.)(?:<(?:lambda|listcomp|genexpr|dictcomp|setcomp|locals|anonymous|computed|unknown)>|\(anonymous\)|anonymous"
    r"|lambda\$[\w$]{0,200}+|\{closure[^}]{0,200}+\}|\?)(?=$|\.)|(?<=.)\.func[0-9]{1,4}+(?:\.[0-9]{1,4}+){0,8}+$"
)
"""Parts of a name that say only that there is none: Python, JavaScript, Java, PHP, Go."""
_UNSTEADY: Final = re.compile(
    r"0x[0-9a-fA-F]{1,16}+|(?<![A-Za-z0-9])h?+(?=[a-fA-F]{0,63}+[0-9])[0-9a-fA-F]{7,64}+(?![A-Za-z0-9])"
    r"|\$\$[\w$]{1,200}+|\$[0-9]{1,6}+"
)
"""Parts of a name that change with each build: addresses, hashes of bundles and symbols, numbers of Java's classes."""
_TOO_DEEP: Final = ("RecursionError", "StackOverflowError", "SystemStackError", "StackOverflowException")
_CYCLE_FRAMES: Final = 50
_TOO_DEEP_REPEATS: Final = 5
"""A `RangeError` of JavaScript is one of these when a frame repeats so often."""


def crash_sites(value: ExceptionValue) -> list[str]:
    """Return where the exception was raised: `module.function` of the last frame of the application that has a name.

    A stack that grew too deep broke anywhere in its cycle: all that take part in it are the site, sorted.
    Without a frame of the application the last frame counts; without frames the list is empty.
    """
    frames = _in_app(value.frames)
    if cycle := _cycle(value.type or "", frames):
        return cycle
    for frame in reversed(frames):
        if name := site(frame):
            return [name]
    return [f"{module_of(frame)}.<anonymous>" for frame in frames[-1:]]


def _cycle(kind: str, frames: Sequence[Frame]) -> list[str]:
    """Return what takes part in the cycle of a stack that grew too deep; nothing for any other kind of exception."""
    is_certain = kind.endswith(_TOO_DEEP)
    if not is_certain and kind != "RangeError":
        return []
    counts = Counter([name for frame in frames if (name := site(frame))][-_CYCLE_FRAMES:])
    most = max(counts.values(), default=0)
    if not is_certain and most < _TOO_DEEP_REPEATS:
        return []
    return sorted(name for name, count in counts.items() if count * 2 >= most)


def crash_frame(event: Event) -> Frame | None:
    """Return the frame of the application in which the event's exception was raised, None without frames."""
    for value in reversed(event.exceptions):
        named = [frame for frame in _in_app(value.frames) if site(frame)]
        if named:
            return named[-1]
    return None


def site(frame: Frame) -> str:
    """Return `module.function` of a frame, empty when its function has no name; no line, address, path or hash."""
    function = _without_nameless(frame.function or "")
    if not function:
        return ""
    module = module_of(frame)
    return f"{module}.{function}" if module else function


def module_of(frame: Frame) -> str:
    """Return the frame's module, or its file's name without folder and suffix."""
    if frame.module and frame.module != "__main__":
        return _steady(frame.module)
    path = (frame.filename or frame.abs_path or "").replace("\\", "/").split("?", 1)[0]
    stem, _, suffix = path.rstrip("/").rsplit("/", 1)[-1].rpartition(".")
    return _steady(stem or suffix)


@lru_cache(8_192)
def _without_nameless(function: str) -> str:
    """Return a function's name without lambdas, comprehensions and addresses; they belong to what is around them."""
    if function in {"<module>", "<main>"}:
        return function
    return _steady(_NAMELESS.sub("", function).strip("."))


@lru_cache(8_192)
def _steady(name: str) -> str:
    return _UNSTEADY.sub("", name).strip("./-")


def _in_app(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Return the frames of the application: those the SDK marked, else those outside of libraries, else all."""
    marked = [frame for frame in frames if frame.in_app]
    if marked or any(frame.in_app is False for frame in frames):
        return marked or frames
    return [frame for frame in frames if not _is_library(frame)] or frames


def _is_library(frame: Frame) -> bool:
    path = (frame.abs_path or frame.filename or "").replace("\\", "/")
    return any(name in path for name in _LIBRARIES)
