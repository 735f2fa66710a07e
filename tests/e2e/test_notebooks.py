"""Every notebook runs against a live Atlas and shows what is stored in it.

To store anew what they show: `make run` with a new ATLAS_DATA_DIR, `atlas demo`, then run all cells in `make lab`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atlas_core.settings import read_settings
from dashboards.consumer_lag import measure
from dashboards.frames import Workbench
from data.history import history
from tests.e2e.stack import QUIET_S, Stack, eventually

pytestmark = [pytest.mark.live, pytest.mark.slow]
EVENTS, SEED = 300, 7  # what `atlas demo` sends
CELL_TIMEOUT_S = 60


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of somebody who reads the seeded history.

    The stack has no Ollama, so that nothing is left waiting in a channel: the insights wait in their rows.
    """
    stack = Stack(tmp_path_factory.mktemp("notebooks") / "data").start().wait_ready()
    try:
        account = stack.account()
        for event in history(EVENTS, seed=SEED, until=datetime.now(UTC)):
            assert stack.send(account["api_key"], **event).status_code == 202
        user = stack.user()
        eventually(lambda: user.counted(account["project_id"]) == EVENTS, within_s=QUIET_S, what=stack.log)
        ports = {f"ATLAS_{name.upper()}_PORT": str(port) for name, port in stack.ports.items()}
        environment = {"ATLAS_DATA_DIR": str(stack.data_dir), **ports}
        with Workbench(settings=read_settings(environment)) as atlas:
            eventually(lambda: _quiet(atlas), within_s=QUIET_S, what=stack.log)
        yield {**os.environ, **environment}
    finally:
        assert stack.stop() == 0, stack.log()[-3000:]


def _quiet(atlas: Workbench) -> bool:
    measured = measure(atlas, seconds=0.1)
    return bool((measured["lag"] == 0).all() and (measured["per_second"] == 0).all())


def nbval(reader: dict[str, str], repository: Path, *notebooks: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT_S}",
        f"--nbval-sanitize-with={repository / 'notebooks' / 'sanitize.cfg'}", "-q", "-p", "no:cacheprovider",
        "-o", "addopts=", "-o", "filterwarnings=default", *map(str, notebooks),
    ]  # fmt: skip
    return subprocess.run(command, env=reader, cwd=repository, capture_output=True, text=True, check=False)


def test_every_notebook_runs_and_shows_what_is_stored_in_it(reader, repository):
    notebooks = sorted((repository / "notebooks").rglob("*.ipynb"))
    assert len(notebooks) >= 2
    done = nbval(reader, repository, *notebooks)
    assert done.returncode == 0, done.stdout[-6_000:]
    cells = sum(cell["cell_type"] == "code" for path in notebooks for cell in json.loads(path.read_text())["cells"])
    assert f"{cells} passed" in done.stdout


def test_a_stored_output_that_is_no_longer_true_is_found(reader, repository, tmp_path):
    notebook = json.loads((repository / "notebooks" / "triage.ipynb").read_text())
    imports, issues = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][:2]
    issues["outputs"] = json.loads(json.dumps(issues["outputs"]).replace("87", "88"))
    altered = tmp_path / "altered.ipynb"
    altered.write_text(json.dumps({**notebook, "cells": [imports, issues]}))
    done = nbval(reader, repository, altered)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
