"""The environment: defaults, aliases, secrets in files, and what start-up refuses."""

import pytest

from atlas_core.errors import MisconfiguredError
from atlas_core.settings import LOOPBACK, check_jwt_key, read_settings

KEY = "k" * 32
AWAY = {"ATLAS_HOST": "0.0.0.0"}


def test_nothing_set_is_the_embedded_default_on_loopback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.data_dir == tmp_path / ".atlas"
    assert (settings.host, settings.public_host, settings.ingest_host) == ("127.0.0.1", "localhost", "localhost:8081")
    assert (settings.database_url, settings.kafka_brokers, settings.rabbit, settings.jwt_key) == (None,) * 4
    assert settings.addresses["issues"] == "http://127.0.0.1:8082"
    assert settings.ollama.model == "llama3.2:3b"
    assert "http://localhost:8866" in settings.cors_origins
    assert "*" not in settings.cors_origins


def test_the_originals_names_are_honoured():
    settings = read_settings(
        {
            "DB_HOST": "db", "DB_PORT": "5433", "DB_NAME": "n", "DB_USERNAME": "u", "DB_PASSWORD": "p@ss/w",
            "KAFKA_BROKERS": "k:9092", "JwtKey": KEY, "RABBIT_HOST": "r", "RABBIT_PORT": "5673", "RABBIT_USER": "ru",
            "RABBIT_PASSWORD": "rp", "OLLAMA_URL": "http://o", "OLLAMA_MODEL": "m",
        }
    )  # fmt: skip
    assert settings.database_url == "postgresql://u:p%40ss%2Fw@db:5433/n"
    assert settings.kafka_brokers == "k:9092"
    assert settings.jwt_key == KEY
    assert settings.rabbit is not None
    assert (settings.rabbit.host, settings.rabbit.port, settings.rabbit.user, settings.rabbit.password) == (
        "r", 5673, "ru", "rp",
    )  # fmt: skip
    assert (settings.ollama.url, settings.ollama.model) == ("http://o", "m")


def test_our_name_wins_over_the_originals_and_a_file_over_both(tmp_path):
    (tmp_path / "brokers").write_text("file:9092\n")
    environ = {"KAFKA_BROKERS": "alias:9092", "ATLAS_KAFKA_BROKERS": "ours:9092"}
    assert read_settings(environ).kafka_brokers == "ours:9092"
    environ["ATLAS_KAFKA_BROKERS_FILE"] = str(tmp_path / "brokers")
    assert read_settings(environ).kafka_brokers == "file:9092"


def test_a_secret_file_that_is_missing_is_named():
    with pytest.raises(MisconfiguredError, match="ATLAS_JWT_KEY_FILE=/nowhere/key"):
        read_settings({"ATLAS_JWT_KEY_FILE": "/nowhere/key"})


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80.5", " "])
def test_a_port_that_is_none_is_named(port):
    with pytest.raises(MisconfiguredError, match="ATLAS_ALERTS_PORT"):
        read_settings({"ATLAS_ALERTS_PORT": port})


@pytest.mark.parametrize("port", ["1", "65535"])
def test_every_port_that_there_is_may_be_used(port):
    assert read_settings({"ATLAS_ALERTS_PORT": port}).ports.alerts == int(port)


def test_a_key_of_32_bytes_signs_and_one_of_31_does_not():
    check_jwt_key("x" * 32)
    check_jwt_key("\u00e9" * 16)
    with pytest.raises(MisconfiguredError, match="32 bytes"):
        check_jwt_key("x" * 31)


def test_the_key_of_the_environment_is_checked_even_on_loopback():
    with pytest.raises(MisconfiguredError, match="ATLAS_JWT_KEY"):
        read_settings({"JwtKey": "yoursecretkey"})


def test_addresses_follow_the_host_that_is_listened_on():
    assert read_settings(AWAY).addresses["alerts"] == "http://127.0.0.1:8084"
    assert read_settings({"ATLAS_HOST": "10.1.2.3"}).addresses["alerts"] == "http://10.1.2.3:8084"
    assert read_settings({"ATLAS_HOST": "::1"}).addresses["alerts"] == "http://[::1]:8084"
    given = read_settings({"ATLAS_ALERTS_URL": "https://alerts.example.org/"})
    assert given.addresses["alerts"] == "https://alerts.example.org"


UNSAFE = [
    ({"ATLAS_DATABASE_URL": "postgresql://postgres:postgres@db/atlas"}, "ATLAS_DATABASE_PASSWORD"),
    ({"DB_HOST": "db", "DB_PASSWORD": "yourpassword"}, "ATLAS_DATABASE_PASSWORD"),
    ({"ATLAS_DATABASE_URL": "postgresql://u:GUEST@db/atlas"}, "ATLAS_DATABASE_PASSWORD"),
    ({"ATLAS_RABBIT_HOST": "r"}, "ATLAS_RABBIT_PASSWORD"),
    ({"ATLAS_CORS_ORIGINS": "https://a.example, *"}, "ATLAS_CORS_ORIGINS"),
]


@pytest.mark.parametrize(("environ", "named"), UNSAFE)
def test_away_from_loopback_an_unsafe_setting_is_refused_by_name(environ, named):
    for host in ("0.0.0.0", "::", "192.168.1.5", "atlas.example.org"):
        with pytest.raises(MisconfiguredError, match=named):
            read_settings({**environ, "ATLAS_HOST": host})


@pytest.mark.parametrize(("environ", "named"), UNSAFE)
def test_on_loopback_the_same_setting_is_accepted(environ, named):
    for host in LOOPBACK:
        assert read_settings({**environ, "ATLAS_HOST": host}).host == host, named


def test_every_danger_is_named_at_once():
    environ = {key: value for unsafe, _ in UNSAFE for key, value in unsafe.items()}
    with pytest.raises(MisconfiguredError) as refused:
        read_settings({**environ, **AWAY})
    assert all(named in str(refused.value) for _, named in UNSAFE)


def test_good_passwords_and_the_embedded_database_may_be_reached_from_elsewhere():
    settings = read_settings(
        {**AWAY, "DB_HOST": "db", "DB_PASSWORD": KEY, "ATLAS_RABBIT_HOST": "r", "ATLAS_RABBIT_PASSWORD": KEY}
    )
    assert settings.host == "0.0.0.0"
    socket = read_settings({**AWAY, "ATLAS_DATABASE_URL": "postgresql://postgres@/atlas?host=%2Ftmp%2Frun"})
    assert socket.database_url is not None
