import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from inspect import signature
from pathlib import Path

import pytest

from atlas_sdk import Client, __version__

PACKAGE = Path("sdk") / "src" / "atlas_sdk"


def imported(module: Path) -> set[str]:
    """The top-level names of what a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_sdk_imports_nothing_but_the_standard_library(repository: Path) -> None:
    foreign = {
        module.name: names
        for module in sorted((repository / PACKAGE).rglob("*.py"))
        if (names := imported(module) - sys.stdlib_module_names - {"atlas_sdk"})
    }
    # Only Flask's own integration, and only when it is installed on an application.
    assert foreign == {"flask.py": {"flask"}}


def test_importing_the_sdk_is_cheap_for_a_host() -> None:
    code = "import sys; import atlas_sdk, atlas_sdk.integrations.logging; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"asyncio", "multiprocessing", "unittest", "flask", "django", "fastapi"}


def test_the_readme_describes_every_option_with_its_default(repository: Path) -> None:
    text = (repository / "sdk" / "README.md").read_text()
    described = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", text, flags=re.MULTILINE))
    parameters = [parameter for parameter in signature(Client).parameters.values() if parameter.name != "api_key"]
    assert described == {
        parameter.name: f"{parameter.default:,}" if type(parameter.default) is int else str(parameter.default)
        for parameter in parameters
    }


def test_its_versions_agree(repository: Path) -> None:
    project = tomllib.loads((repository / "sdk" / "pyproject.toml").read_text())["project"]
    assert (project["version"], project["dependencies"]) == (__version__, [])


@pytest.mark.slow
def test_the_wheel_holds_only_the_package_and_works_in_a_clean_environment(repository: Path, tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))

    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(uv, "build", "--quiet", "--out-dir", str(tmp_path), str(repository / "sdk"))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = Parser().parsestr(archive.read(next(name for name in names if name.endswith("METADATA"))).decode())
    sources = {str(path.relative_to(repository / "sdk" / "src")) for path in (repository / PACKAGE).rglob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == sources | {"atlas_sdk/py.typed"}
    assert (metadata["Name"], metadata["License-Expression"]) == ("atlas-sdk", "Apache-2.0")
    assert metadata.get_all("Requires-Dist") is None
    assert "# atlas-sdk" in metadata.get_payload()
    python = tmp_path / "clean" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "clean"))
    run(uv, "pip", "install", "--quiet", "--no-index", "--python", str(python), str(wheel))
    modules = ", ".join(
        sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources)
    )
    shown = run(str(python), "-I", "-c", f"import {modules}; print(atlas_sdk.__version__, atlas_sdk.__file__)")
    assert shown.startswith(f"{__version__} {tmp_path}")
