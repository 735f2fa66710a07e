import json
from pathlib import Path

import pytest

from tests.dashboards.fake_api import EMAIL, FakeApi, World, token_of

ROOT = Path(__file__).parents[2]
UNTIL_LOADED = """
import asyncio
async with asyncio.timeout(20):
    while not page.address.params:
        await asyncio.sleep(0.05)
print(page.address.params["project"], page.notice.value)
"""
NOTEBOOKS = sorted((ROOT / "dashboards").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin_and_kept_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    assert len(cells) == 3
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


@pytest.mark.slow
# Two of Jupyter's own: its event loop's policy, and a socket that it leaves to the collector.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_page(
    path: Path, api: FakeApi, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat  # here, because it takes a second: the tests that are quick do not wait for it
    from nbclient import NotebookClient

    assert world.projects
    for service in ("IDENTITY", "ISSUES", "INTELLIGENCE", "ALERTS"):
        monkeypatch.setenv(f"ATLAS_{service}_URL", api.url)
    monkeypatch.setenv("ATLAS_VISITOR_TOKEN", token_of(EMAIL))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("import os; print(os.environ.get('ATLAS_VISITOR_TOKEN'))"))
    notebook.cells.append(nbformat.v4.new_code_cell(UNTIL_LOADED))
    NotebookClient(notebook, timeout=30, kernel_name="python3").execute()
    *_page, shown, token, project = notebook.cells
    assert "application/vnd.jupyter.widget-view+json" in shown.outputs[0].data
    assert token.outputs[0].text.strip() == "None"
    assert project.outputs[0].text.strip() == world.projects[0]["id"]
