import re
import traceback

from atlas_sdk.exceptions import catch
from atlas_sdk.tracebacks import traceback_text


def text_of(error: BaseException) -> str:
    return traceback_text(catch(error, with_variables=False))


def python_text(error: BaseException) -> str:
    """What Python prints, without the marks below a line that show its column."""
    printed = "".join(traceback.format_exception(error))
    return re.sub(r"^ +[~^]+\n", "", printed, flags=re.MULTILINE)


def early() -> None:
    raise ValueError("early\nin two lines")


def test_a_chain_reads_as_python_prints_it() -> None:
    try:
        try:
            try:
                early()
            except ValueError as error:
                error.add_note("a note")
                raise KeyError("late") from error
        except KeyError:
            raise TypeError  # noqa: B904 - the implicit context is what is tested
    except TypeError as error:
        assert text_of(error) == python_text(error)
        assert text_of(error).count("Traceback (most recent call last):") == 3


def test_a_group_shows_each_member_and_their_number() -> None:
    error = ExceptionGroup("all failed", [ValueError("a"), KeyError("b")])
    assert text_of(error) == (
        "ExceptionGroup: all failed (2 sub-exceptions)\n"
        "  +---------------- 1 ----------------\n"
        "  | ValueError: a\n"
        "  +---------------- 2 ----------------\n"
        "  | KeyError: 'b'\n"
    )


def test_a_class_of_a_module_is_named_with_it() -> None:
    class OrderError(Exception):
        pass

    assert text_of(OrderError("x")) == f"{__name__}.OrderError: x\n"


def test_recursion_says_how_many_frames_are_missing() -> None:
    def down(n: int) -> None:
        down(n + 1)

    try:
        down(0)
    except RecursionError as error:
        text = text_of(error)
    assert re.search(r"\n  \[\d+ frames left out\]\n", text)
    assert text.endswith("RecursionError: maximum recursion depth exceeded\n")
    assert text.count("File ") == 250


def test_a_huge_text_keeps_both_ends() -> None:
    error: BaseException = ValueError("first")
    for n in range(40):
        following = ValueError("x" * 8_000 + str(n))
        following.__cause__ = error
        error = following
    text = text_of(error)
    assert len(text.encode()) <= 256 * 1024
    assert text.startswith("ValueError: first")
    assert text.endswith("39\n")
    assert "... (cut) ..." in text
