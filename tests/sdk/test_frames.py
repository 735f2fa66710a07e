import sys
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from atlas_sdk.frames import FIRST_FRAMES, LAST_FRAMES, frame_data, places


def trace_of(call: Any, *arguments: Any) -> TracebackType:
    try:
        call(*arguments)
    except Exception as error:
        assert error.__traceback__ is not None
        return error.__traceback__
    raise AssertionError


def fail(n: int) -> None:
    before = n
    # two lines of source
    # before the one that fails
    raise ValueError(before)  # the failing line
    # one after it


def test_a_frame_carries_its_place_and_the_lines_around_it() -> None:
    frame = frame_data(places(trace_of(fail, 3), with_variables=False).kept[-1])
    assert (frame["function"], frame["module"], frame["in_app"]) == ("fail", fail.__module__, True)
    assert frame["filename"].endswith("test_frames.py")
    assert frame["abs_path"] == __file__
    assert frame["context_line"] == "    raise ValueError(before)  # the failing line"
    assert frame["pre_context"][-2:] == ["    # two lines of source", "    # before the one that fails"]
    assert (len(frame["pre_context"]), frame["post_context"][0]) == (5, "    # one after it")
    assert Path(__file__).read_text().splitlines()[frame["lineno"] - 1] == frame["context_line"]
    assert "vars" not in frame


def test_local_variables_are_taken_only_when_asked_for_and_at_a_bounded_size() -> None:
    def many() -> None:
        huge = "x" * 10**6
        __hidden__ = 1
        values = dict.fromkeys("ab", huge)
        raise ValueError(len(values), __hidden__)

    trace = trace_of(many)
    assert places(trace, with_variables=False).kept[-1].variables is None
    variables = places(trace, with_variables=True).kept[-1].variables
    assert variables is not None
    assert set(variables) == {"huge", "values"}
    assert max(map(len, variables.values())) <= 16_384


def test_a_variable_that_cannot_be_shown_does_not_cost_the_others() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    def use() -> None:
        odd, fine = Odd(), 1
        raise ValueError(odd.__class__, fine)

    variables = places(trace_of(use), with_variables=True).kept[-1].variables
    assert variables is not None
    assert variables["fine"] == "1"
    assert "Odd" in variables["odd"]


def test_endless_recursion_keeps_both_ends() -> None:
    def down(n: int) -> None:
        down(n + 1)

    found = places(trace_of(down, 0), with_variables=True)
    assert len(found.kept) == FIRST_FRAMES + LAST_FRAMES
    assert found.left_out > 500
    assert sum(place.variables is not None for place in found.kept) == 50


def test_source_that_only_a_loader_knows_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "lib.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_module.py", "def run():\n    raise ValueError('zipped')\n")
    monkeypatch.syspath_prepend(str(archive))
    import zipped_module

    frame = frame_data(places(trace_of(zipped_module.run), with_variables=False).kept[-1])
    assert frame["context_line"] == "    raise ValueError('zipped')"
    del sys.modules["zipped_module"]


def test_code_without_source_has_a_place_but_no_lines() -> None:
    frame = frame_data(places(trace_of(eval, "1/0"), with_variables=False).kept[-1])
    assert (frame["abs_path"], frame["lineno"], frame["context_line"]) == ("<string>", 1, "")
    assert (frame["pre_context"], frame["post_context"]) == ([], [])


def test_libraries_are_told_from_the_application() -> None:
    import json

    import flask

    standard = places(trace_of(json.loads, "{"), with_variables=False).kept
    installed = places(trace_of(flask.Flask, 3), with_variables=False).kept
    assert [frame_data(place)["in_app"] for place in standard] == [True, False, False, False]
    assert frame_data(installed[-1])["in_app"] is False
