"""Notebooks are kept with what they show: without it, comparing would compare nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return cells


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_the_outputs_of_one_run_from_top_to_bottom(path):
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert [n for n, cell in enumerate(code) if not cell["outputs"]] == [0], (
        "every cell but the imports shows something"
    )
    assert all(output["output_type"] != "error" for cell in code for output in cell["outputs"])
    assert all(output.get("name") != "stderr" for cell in code for output in cell["outputs"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_tells_a_story_and_ends_with_a_decision(path):
    cells = cells_of(path)
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert prose[0].startswith("# ")
    assert len(prose) * 2 >= len(cells) - len(prose)
    assert cells[-1]["cell_type"] == "code"
    assert "".join(cells[-1]["outputs"][0]["text"]).startswith(("Mend first", "Decision"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_path_and_no_secret_of_the_machine_that_ran_it(path):
    text = path.read_text()
    for word in ("/home/", "/root/", "/Users/", "/var/", "atlas_sdk.Client(", "password"):
        assert word not in text
    assert len(text) < 100_000
