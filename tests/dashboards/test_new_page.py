"""Every notebook is stamped, and the stamp makes a page that lives."""

import asyncio
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from dashboards import notebooks
from dashboards.client import Client, ServiceUrls
from dashboards.new_page import main, stamp
from dashboards.pages.project_page import ProjectPage, Surroundings
from tests.dashboards.fake_api import World
from tests.dashboards.test_issues_page import quick, transport, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pages").mkdir()
    for path in notebooks.HERE.glob("*.ipynb"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", notebooks.titles())
def test_every_notebook_is_what_the_stamp_makes(name: str) -> None:
    title, place = notebooks.titles()[name]
    assert (notebooks.HERE / f"{name}.ipynb").read_text() == notebooks.notebook(name, title, place)
    assert (notebooks.HERE / "pages" / f"{name}.py").exists()


def test_the_navigation_lists_the_pages_in_their_order(folder: Path) -> None:
    stamp("release_notes", folder)
    pages = json.loads(notebooks.navigation(folder).removeprefix("{% set pages = ").removesuffix(" %}\n"))
    assert pages[0] == ["issues", "Issues"]
    assert pages[-1] == ["release_notes", "Release notes"]


def test_a_stamped_page_lives(folder: Path) -> None:
    module, _book = stamp("release_notes", folder)
    spec = importlib.util.spec_from_file_location("stamped", module)
    assert spec
    assert spec.loader
    stamped = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stamped)
    assert callable(stamped.release_notes_page)

    async def scene(world: World) -> None:
        client = Client(ServiceUrls(), "a-token", transport(world))
        page: ProjectPage = stamped.ReleaseNotesPage(client, {}, Surroundings(sleep=quick)).start()
        await until(lambda: f"{len(world.issues)} issues" in page.children[2].value)
        page.stop()
        await client.close()

    asyncio.run(scene(World()))


@pytest.mark.parametrize("arguments", [[], ["issues"], ["Releases"], ["../x"], ["a b"], ["a", "b"]])
def test_a_name_that_cannot_be_a_page_is_refused_with_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "make page NAME=" in capsys.readouterr().err
