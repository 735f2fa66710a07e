"""The notebooks of the pages: three cells each, alike but for names; and the navigation that follows from them."""

import json
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
_KERNEL: Final = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(name: str, title: str, place: int) -> str:
    """Return the notebook (JSON) of the page in `dashboards/pages/<name>.py`; `place` is its turn in the navigation."""
    cells = {
        "import": f"from dashboards.pages.{name} import {name}_page",
        "page": f"page = {name}_page()",
        "show": "page",
    }
    shape = {
        "cells": [_cell(cell_id, source) for cell_id, source in cells.items()],
        "metadata": {"kernelspec": _KERNEL, "place": place, "title": title},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(shape, indent=1, sort_keys=True) + "\n"


def titles(folder: Path = HERE) -> dict[str, tuple[str, int]]:
    """Return the title and the place of each page in a folder, by name, in the order of their places."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8"))["metadata"] for path in folder.glob("*.ipynb")}
    pages = {name: (metadata["title"], metadata["place"]) for name, metadata in found.items()}
    return dict(sorted(pages.items(), key=lambda page: (page[1][1], page[0])))


def navigation(folder: Path = HERE) -> str:
    """Return the template that tells the header which pages there are."""
    pages = [[name, title] for name, (title, _place) in titles(folder).items()]
    return f"{{% set pages = {json.dumps(pages)} %}}\n"


def _cell(cell_id: str, source: str) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": "code", "execution_count": None, "id": cell_id, "metadata": {}, "outputs": []}
    return made | {"source": [source]}
