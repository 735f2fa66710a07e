"""Which end of a stack trace is nearest the crash."""

import time

import pytest

from atlas_core import limits
from atlas_core.events import ExceptionValue, Frame
from atlas_core.protocols.exceptions import rendered
from atlas_core.stack_traces import near_crash, near_crash_bytes

CRASH = "the-crash"
OUTER = "outermost"


def newest_first(line: str, head: str = "") -> str:
    """A trace whose first frame is the crash; lines are numbered, as compilers do."""
    names = [CRASH, *(f"step{n}" for n in range(200)), OUTER]
    return head + "\n".join(line.format(name=name, n=n) for n, name in enumerate(names))


TRACES = {
    "node": newest_first("    at {name} (/app/cart.js:{n}:1)", "TypeError: x is not a function\n"),
    "java": newest_first("\tat com.shop.Cart.{name}(Cart.java:{n})", "java.lang.IllegalStateException: no\n"),
    "java's cause": newest_first("\tat a.B.{name}(B.java:{n})", "E: no\n") + "\nCaused by: F\n\tat a.B.x(B.java:1)",
    "c#": newest_first("   at Shop.Cart.{name}() in Cart.cs:line {n}", "System.Exception: no\n"),
    "php": newest_first("#{n} /app/cart.php({n}): {name}()"),
    "ruby": newest_first("cart.rb:{n}:in `{name}'", ""),
    "old ruby": newest_first("\tfrom cart.rb:{n}:in `{name}'"),
    "go": newest_first("main.{name}()\n\t/app/main.go:{n} +0x1d", "goroutine 1 [running]:\n"),
    "rust": newest_first("  {n}: shop::{name}"),
    "python": "\n".join(
        ["Traceback (most recent call last):"]
        + [f'  File "a.py", line {n}, in {name}\n    at = f()' for n, name in enumerate([OUTER, *"abc" * 90, CRASH])]
    ),
    "a log": "\n".join([OUTER, *(f"line {n} " for n in range(900)), CRASH]),
}


@pytest.mark.parametrize("language", TRACES)
def test_what_is_nearest_the_crash_is_kept(language: str):
    trace = TRACES[language]
    for shown in (near_crash(trace, 2_000), near_crash_bytes(trace, 2_000)):
        assert len(shown) == 2_000
        assert CRASH in shown
        assert OUTER not in shown
        assert near_crash(shown, 500) in shown
        assert CRASH in near_crash(shown, 500)  # of what was cut already, too


@pytest.mark.parametrize("language", TRACES)
def test_what_is_short_enough_is_whole(language: str):
    assert near_crash(TRACES[language], len(TRACES[language])) == TRACES[language]
    assert near_crash_bytes(TRACES[language], len(TRACES[language])) == TRACES[language]


@pytest.mark.parametrize("piece", ["\n", " \n", " ", "a:1:", "from ", "    at\n", "1", "1: ", "\t", "from x:"])
def test_looking_takes_time_linear_in_the_text(piece: str):
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        started = time.thread_time()
        near_crash(text, 100)
        return time.thread_time() - started

    # Sixteen times the text: quadratic work would take 256 times as long. The best of a few tries is not the noise.
    assert any(seconds(64_000) < 80 * seconds(4_000) for _ in range(4))


def test_bytes_end_at_a_character():
    assert near_crash_bytes("\u00e9" * 10, 5) == "\u00e9" * 2
    assert near_crash_bytes("    at f (\u00e9" + "\u00e9" * 10, 13) == "    at f (\u00e9"
    assert near_crash_bytes("abc", 0) == ""


@pytest.mark.parametrize("platform", ["python", "node"])
def test_the_longest_chain_that_is_kept_has_its_crash(platform: str):
    long = "x" * limits.FRAME_LINE_CHARACTERS
    frames = [Frame(function=long, filename=long, lineno=n) for n in range(limits.FRAMES - 1)]
    text = rendered([ExceptionValue(type="E", frames=[*frames, Frame(function=CRASH)])] * 2, platform)
    assert len(text.encode()) <= limits.STACK_TRACE_BYTES
    assert CRASH in text
