"""To extend Atlas one adds one file and one name to a list: here a forgotten name is found."""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import atlas_core.conditions
import atlas_core.grouping
import atlas_core.notifiers
import atlas_core.protocols
from atlas_core.conditions import Condition
from atlas_core.grouping import STRATEGIES


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Return the modules of a folder, by their names."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}


def imported_by(folder: Path) -> set[str]:
    """Return the full names of the modules that the modules of a folder import."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_every_condition_is_in_the_union():
    named = {condition.__module__.rsplit(".", 1)[-1] for condition in Condition.__args__}
    assert named == set(modules(atlas_core.conditions))


def test_a_condition_is_called_like_its_file():
    for condition in Condition.__args__:
        assert condition.__struct_config__.tag == condition.__module__.rsplit(".", 1)[-1]


def test_every_grouping_strategy_is_in_the_table():
    """A strategy is a file with a NAME; the others of the folder serve them."""
    found = modules(atlas_core.grouping).values()
    assert set(STRATEGIES) == {module.NAME for module in found if hasattr(module, "NAME")}


def test_every_protocol_has_its_routes(repository):
    """A protocol is a file with a function that parses; the others of the folder serve them."""
    protocols = {
        module.__name__
        for module in modules(atlas_core.protocols).values()
        if any(
            name.partition("_")[0] == "parse" and getattr(value, "__module__", "") == module.__name__
            for name, value in vars(module).items()
        )
    }
    assert protocols
    assert protocols <= imported_by(repository / "services" / "ingestion")


def test_every_notifier_is_wired(repository):
    notifiers = {f"{atlas_core.notifiers.__name__}.{name}" for name in modules(atlas_core.notifiers)}
    assert notifiers
    assert notifiers <= imported_by(repository / "services")


@pytest.mark.parametrize("folder", ["transports", "storage"])
def test_every_adapter_of_a_channel_or_store_is_in_the_contract_suite(repository, folder):
    """A public class that fills a port is held to the port's promises."""
    tested = "".join(path.read_text() for path in (repository / "tests" / "contract").glob("test_*.py"))
    endings = ("Publisher", "Consumer") if folder == "transports" else ("IssueStore", "AlertStore", "InsightStore")
    package = importlib.import_module(f"atlas_core.{folder}")
    adapters = {
        name
        for module in modules(package).values()
        for name, kind in vars(module).items()
        if isinstance(kind, type) and name.endswith(endings) and kind.__module__ == module.__name__
    }
    made_by_their_channel = {"MemoryPublisher", "MemoryConsumer", "MemoryJobConsumer"}
    assert {name for name in adapters - made_by_their_channel if name not in tested} == set()
    assert adapters
