"""Stack traces as text: which end of one is where it broke."""

import re
from typing import Final

_OLDEST_FIRST: Final = re.compile(r'^[ \t]{0,80}File "', re.MULTILINE)
# As Java, JavaScript, Kotlin and .NET write them, then PHP, Go, Ruby (old and new) and Rust; bounded, so linear.
_NEWEST_FIRST: Final = re.compile(
    r"^[ \t]{0,80}(?:at [^\s=]|#\d{1,9} |goroutine \d|[^\s:]{1,512}:\d{1,9}:in |from [^\s:]{1,512}:\d|\d{1,9}: \S)",
    re.MULTILINE,
)


def near_crash(stack_trace: str, most: int) -> str:
    """Return the `most` characters of a stack trace that are nearest the crash.

    Python writes the call that failed last, most other languages write it first. Told by the text, because clients
    send texts without saying of which language; the end of one that looks like neither.
    """
    if len(stack_trace) <= most:
        return stack_trace
    return stack_trace[:most] if _is_newest_first(stack_trace) else stack_trace[-most:]


def near_crash_bytes(stack_trace: str, most: int) -> str:
    """Return the `most` bytes of UTF-8 of a stack trace that are nearest the crash."""
    if len(stack_trace) * 4 <= most:
        return stack_trace
    encoded = stack_trace.encode()
    kept = encoded[:most] if _is_newest_first(stack_trace) else encoded[max(0, len(encoded) - most) :]
    return kept.decode("utf-8", "ignore")


def _is_newest_first(stack_trace: str) -> bool:
    return len(_NEWEST_FIRST.findall(stack_trace)) > len(_OLDEST_FIRST.findall(stack_trace))
