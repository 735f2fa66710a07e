"""`make page NAME=...`: a page that lives, to be filled."""

import re
import sys
from pathlib import Path
from typing import Final

from dashboards import notebooks

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")
_WRONG_USE: Final = 2
_MODULE: Final = '''"""The {words} page: say here what it is for."""

from collections.abc import Mapping

import ipywidgets

from dashboards.client import Client
from dashboards.markup import counted, muted
from dashboards.pages.project_page import HERE, ProjectPage, Surroundings, live
from dashboards.polling import poll


class {kind}Page(ProjectPage):
    """Shows how many issues the project has."""

    def __init__(self, client: Client, query: Mapping[str, str], surroundings: Surroundings = HERE) -> None:
        super().__init__(client, query, surroundings)
        self.card = ipywidgets.HTML().add_class("atlas-card")
        self.lay_out("{title}", [], [self.card])

    def open_project(self, project_id: str, *, same: bool) -> None:
        """Show this project."""
        del project_id, same
        self.card.value = muted("Loading…")
        self.write_address()
        self.of_project.start(poll(self._load, self.say, self.sleep))

    async def _load(self) -> None:
        overview = await self.client.overview(self.projects.value)
        self.card.value = f"<p>{{counted(overview.total_issues, 'issue')}}</p>"
        self.notice.value = ""


def {name}_page() -> ipywidgets.Widget:
    """Return the live page of the visitor whom this kernel serves."""
    return live({kind}Page)
'''


def stamp(name: str, folder: Path = notebooks.HERE) -> list[Path]:
    """Write the module and the notebook of a page and return their paths.

    Raises:
        ValueError: The name cannot be used, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a page: lower-case letters, digits and _ only, a letter first")
    module, book = folder / "pages" / f"{name}.py", folder / f"{name}.ipynb"
    if module.exists() or book.exists():
        raise ValueError(f"{name} exists already")
    words = name.replace("_", " ")
    title = words.capitalize()
    place = max((place for _title, place in notebooks.titles(folder).values()), default=0) + 1
    text = _MODULE.format(name=name, words=words, title=title, kind=words.title().replace(" ", ""))
    module.write_text(text, encoding="utf-8")
    book.write_text(notebooks.notebook(name, title, place), encoding="utf-8")
    return [module, book]


def main(arguments: list[str]) -> int:
    """Stamp the page named by the only argument and return the exit code."""
    try:
        for path in stamp(arguments[0] if len(arguments) == 1 else ""):
            sys.stdout.write(f"{path}\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\nusage: make page NAME=releases\n")
        return _WRONG_USE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
