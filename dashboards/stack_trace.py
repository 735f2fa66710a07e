"""A stack trace as text, cut into frames where its language is known."""

import re
from dataclasses import dataclass
from typing import Final

from dashboards.markup import escaped

_PYTHON: Final = re.compile(r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_JAVASCRIPT: Final = re.compile(r"^\s*at (?:(?P<function>.+?) \()?(?P<file>[^\s()]+?):(?P<line>\d+)(?::\d+)?\)?$")
_LIBRARY: Final = re.compile(r"site-packages|dist-packages|node_modules|/lib/python\d|<frozen|^node:")
SHOWN_FRAMES: Final = 60


@dataclass(frozen=True)
class TraceFrame:
    """One call; `code` is the text that followed it."""

    file: str
    line: str
    function: str
    code: str

    @property
    def in_library(self) -> bool:
        """Whether the frame is of somebody else's code."""
        return bool(_LIBRARY.search(self.file))


def frames(trace: str) -> list[TraceFrame]:
    """Return the frames of a Python or JavaScript trace, innermost first; none for another language."""
    found: list[tuple[re.Match[str], list[str]]] = []
    python = False
    for line in trace.splitlines():
        match = _PYTHON.match(line)
        python = python or match is not None
        match = match or _JAVASCRIPT.match(line)
        if match:
            found.append((match, []))
        elif found and line.startswith(" "):
            found[-1][1].append(line.strip())
    cut = [
        TraceFrame(match["file"], match["line"], match["function"] or "<module>", "\n".join(code))
        for match, code in found
    ]
    return cut[::-1] if python else cut


def stack_html(trace: str) -> str:
    """Return the trace: frames that open, the first of the application's own already open, and the whole text."""
    if not trace.strip():
        return '<p class="atlas-muted">The event came without a stack trace.</p>'
    cut = frames(trace)[:SHOWN_FRAMES]
    whole = f'<pre class="atlas-code" tabindex="0">{escaped(trace)}</pre>'
    if not cut:
        return whole
    first = next((index for index, frame in enumerate(cut) if not frame.in_library), 0)
    items = "".join(_frame_html(frame, opened=index == first) for index, frame in enumerate(cut))
    return (
        f'<ol class="atlas-frames">{items}</ol><details class="atlas-raw"><summary>As sent</summary>{whole}</details>'
    )


def _frame_html(frame: TraceFrame, *, opened: bool) -> str:
    where = f"{escaped(frame.file)}:{escaped(frame.line)} in <b>{escaped(frame.function)}</b>"
    kind = "atlas-library" if frame.in_library else "atlas-own"
    if not frame.code:
        return f'<li class="{kind}"><div class="atlas-where">{where}</div></li>'
    return (
        f'<li class="{kind}"><details{" open" if opened else ""}><summary>{where}</summary>'
        f"<pre>{escaped(frame.code)}</pre></details></li>"
    )
