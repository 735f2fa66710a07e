"""The environment, read once by services and dashboards; adapters take plain arguments.

Every `ATLAS_X` may also come from the file named by `ATLAS_X_FILE` (a mounted secret). The original's names
(`DB_HOST`, `KAFKA_BROKERS`, `JwtKey`, ...) are honoured as aliases.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

import msgspec

from atlas_core.errors import MisconfiguredError

_ALIASES: Final = {
    "ATLAS_DATABASE_HOST": "DB_HOST",
    "ATLAS_DATABASE_PORT": "DB_PORT",
    "ATLAS_DATABASE_NAME": "DB_NAME",
    "ATLAS_DATABASE_USER": "DB_USERNAME",
    "ATLAS_DATABASE_PASSWORD": "DB_PASSWORD",
    "ATLAS_KAFKA_BROKERS": "KAFKA_BROKERS",
    "ATLAS_JWT_KEY": "JwtKey",
    "ATLAS_RABBIT_USER": "RABBIT_USER",
    "ATLAS_RABBIT_PASSWORD": "RABBIT_PASSWORD",
    "ATLAS_RABBIT_HOST": "RABBIT_HOST",
    "ATLAS_RABBIT_PORT": "RABBIT_PORT",
    "ATLAS_OLLAMA_URL": "OLLAMA_URL",
    "ATLAS_OLLAMA_MODEL": "OLLAMA_MODEL",
}
_KNOWN_KEYS: Final = {"yoursecretkey", "secret", "changeme", "your-secret-key"}
_KNOWN_PASSWORDS: Final = {
    "guest",
    "postgres",
    "password",
    "yourpassword",
    "atlas",
    "admin",
    "root",
    "changeme",
    "secret",
}
_KEY_BYTES: Final = 32
_LOCAL: Final = "127.0.0.1"
_EVERYWHERE: Final = ("0.0.0.0", "::", "localhost")  # noqa: S104 - names of it, nothing is bound here
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class RabbitSettings(msgspec.Struct, frozen=True):
    """Where RabbitMQ is."""

    host: str
    port: int
    user: str
    password: str


class OllamaSettings(msgspec.Struct, frozen=True):
    """Where Ollama is, and which model is asked."""

    url: str
    model: str


class IntakeSettings(msgspec.Struct, frozen=True):
    """What projects may send that say nothing of their own; 0 is no limit. Meanings: services/ingestion/rates.py."""

    rate_per_key: int
    events_per_day: int
    flood_events: int


class PortSettings(msgspec.Struct, frozen=True):
    """The TCP port of each service."""

    identity: int
    ingestion: int
    issues: int
    intelligence: int
    alerts: int
    dashboards: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says.

    `database_url` is None on the embedded default; `kafka_brokers` and `rabbit` are None where PostgreSQL carries the
    log and the queue. `public_host` is the name that DSNs and printed addresses use; `addresses` are the base URLs at
    which Atlas's own programs reach each service.
    """

    data_dir: Path
    host: str
    public_host: str
    ports: PortSettings
    addresses: Mapping[str, str]
    database_url: str | None
    kafka_brokers: str | None
    rabbit: RabbitSettings | None
    ollama: OllamaSettings
    jwt_key: str | None
    cors_origins: tuple[str, ...]
    intake: IntakeSettings

    @property
    def ingest_host(self) -> str:
        """`name:port` of the ingestion service, as clients reach it."""
        return f"{self.public_host}:{self.ports.ingestion}"


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in `environ` (default: this process's environment).

    Raises:
        MisconfiguredError: A value cannot be used, or must not be away from loopback; the text names the variable and
            says what to do.
    """
    env = _Reader(os.environ if environ is None else environ)
    ports = PortSettings(
        identity=env.port("ATLAS_IDENTITY_PORT", 8080),
        ingestion=env.port("ATLAS_INGESTION_PORT", 8081),
        issues=env.port("ATLAS_ISSUES_PORT", 8082),
        intelligence=env.port("ATLAS_INTELLIGENCE_PORT", 8083),
        alerts=env.port("ATLAS_ALERTS_PORT", 8084),
        dashboards=env.port("ATLAS_DASHBOARDS_PORT", 8866),
    )
    page = f"{env.text('ATLAS_PUBLIC_HOST', 'localhost')}:{ports.dashboards}"
    default_origins = f"http://{page},http://127.0.0.1:{ports.dashboards},http://localhost:5173,http://127.0.0.1:5173"
    jwt_key = env.optional("ATLAS_JWT_KEY")
    if jwt_key is not None:
        check_jwt_key(jwt_key)
    settings = Settings(
        data_dir=Path(env.text("ATLAS_DATA_DIR", ".atlas")).expanduser().absolute(),
        host=env.text("ATLAS_HOST", _LOCAL),
        public_host=env.text("ATLAS_PUBLIC_HOST", "localhost"),
        ports=ports,
        addresses=_addresses(env, ports),
        database_url=_database_url(env),
        kafka_brokers=env.optional("ATLAS_KAFKA_BROKERS"),
        rabbit=_rabbit(env),
        ollama=OllamaSettings(
            url=env.text("ATLAS_OLLAMA_URL", "http://127.0.0.1:11434"),
            model=env.text("ATLAS_OLLAMA_MODEL", "llama3.2:3b"),
        ),
        jwt_key=jwt_key,
        cors_origins=tuple(o.strip() for o in env.text("ATLAS_CORS_ORIGINS", default_origins).split(",") if o.strip()),
        intake=IntakeSettings(
            rate_per_key=env.number("ATLAS_RATE_PER_KEY", 50_000),
            events_per_day=env.number("ATLAS_EVENTS_PER_DAY", 0),
            flood_events=env.number("ATLAS_FLOOD_EVENTS", 10_000_000),
        ),
    )
    if settings.host not in LOOPBACK and (dangers := exposures(settings)):
        raise MisconfiguredError(
            f"ATLAS_HOST={settings.host} lets other machines in, which is not safe with these settings: "
            f"{'; '.join(dangers)}. Mend them, or listen on 127.0.0.1"
        )
    return settings


def exposures(settings: Settings) -> list[str]:
    """Return what would be dangerous if other machines could reach Atlas; each names its variable."""
    found = []
    password = unquote(urlsplit(settings.database_url or "").password or "")
    if password.lower() in _KNOWN_PASSWORDS:
        found.append("the database's password (ATLAS_DATABASE_PASSWORD or ATLAS_DATABASE_URL) is a known default")
    if settings.rabbit and settings.rabbit.password.lower() in _KNOWN_PASSWORDS:
        found.append("ATLAS_RABBIT_PASSWORD is a known default")
    if "*" in settings.cors_origins:
        found.append("ATLAS_CORS_ORIGINS=* lets any web page call with the visitor's credentials")
    return found


def check_jwt_key(key: str) -> None:
    """Return if `key` can sign tokens.

    Raises:
        MisconfiguredError: It is short or a known example.
    """
    if len(key.encode()) < _KEY_BYTES or key.lower() in _KNOWN_KEYS:
        raise MisconfiguredError(
            "ATLAS_JWT_KEY is shorter than 32 bytes or a known example. "
            'Make one: python -c "import secrets; print(secrets.token_hex(32))"'
        )


def _addresses(env: "_Reader", ports: PortSettings) -> dict[str, str]:
    host = env.text("ATLAS_HOST", _LOCAL)
    reached = _LOCAL if host in _EVERYWHERE else f"[{host}]" if ":" in host else host
    return {
        name: env.text(f"ATLAS_{name.upper()}_URL", f"http://{reached}:{getattr(ports, name)}").rstrip("/")
        for name in ports.__struct_fields__
    }


def _database_url(env: "_Reader") -> str | None:
    url = env.optional("ATLAS_DATABASE_URL")
    host = env.optional("ATLAS_DATABASE_HOST")
    if url or not host:
        return url
    user = quote(env.text("ATLAS_DATABASE_USER", "postgres"), safe="")
    password = env.optional("ATLAS_DATABASE_PASSWORD")
    secret = f":{quote(password, safe='')}" if password else ""
    port = env.port("ATLAS_DATABASE_PORT", 5432)
    return f"postgresql://{user}{secret}@{host}:{port}/{env.text('ATLAS_DATABASE_NAME', 'atlas')}"


def _rabbit(env: "_Reader") -> RabbitSettings | None:
    host = env.optional("ATLAS_RABBIT_HOST")
    if host is None:
        return None
    return RabbitSettings(
        host=host,
        port=env.port("ATLAS_RABBIT_PORT", 5672),
        user=env.text("ATLAS_RABBIT_USER", "guest"),
        password=env.text("ATLAS_RABBIT_PASSWORD", "guest"),
    )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def optional(self, name: str) -> str | None:
        path = self._environ.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise MisconfiguredError(f"{name}_FILE={path} cannot be read: {error.strerror}") from error
        value = self._environ.get(name) or self._environ.get(_ALIASES.get(name, name))
        return value or None

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def number(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or int(text) >= 2**63:
            raise MisconfiguredError(f"{name}={text!r} is not a whole number (0 is no limit)")
        return int(text)

    def port(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not 0 < int(text) < 65_536:  # noqa: PLR2004 - the range of TCP ports
            raise MisconfiguredError(f"{name}={text!r} is not a TCP port (1 to 65535)")
        return int(text)
