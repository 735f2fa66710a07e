"""What the dashboards' server needs to know, and where it stands in the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from atlas_core.errors import MisconfiguredError
from atlas_core.settings import LOOPBACK, read_settings
from dashboards.client import ServiceUrls


@dataclass(frozen=True, kw_only=True)
class DashboardSettings:
    """What the server needs to know; `lonely_kernel_s` is how long a kernel may live without a page."""

    jwt_key: str = field(repr=False)
    urls: ServiceUrls = field(default_factory=ServiceUrls)
    ingestion_url: str = "http://127.0.0.1:8081"
    host: str = "127.0.0.1"
    port: int = 8866
    allowed_hosts: tuple[str, ...] = LOOPBACK
    max_kernels: int = 20
    lonely_kernel_s: float = 60.0


def settings_from_environment(environ: Mapping[str, str]) -> DashboardSettings:
    """Return the settings in `environ`; without ATLAS_JWT_KEY, the key that the first start kept on disk.

    Raises:
        MisconfiguredError: A value cannot be used, or there is no key.
    """
    atlas = read_settings(environ)
    key_file = atlas.data_dir / "jwt.key"
    key = atlas.jwt_key or (key_file.read_text(encoding="utf-8").strip() if key_file.is_file() else "")
    if not key:
        raise MisconfiguredError("ATLAS_JWT_KEY is not set: the dashboards need the key that identity signs with")
    hosts = environ.get("ATLAS_DASHBOARDS_HOSTS", "").replace(",", " ").split()
    return DashboardSettings(
        jwt_key=key,
        urls=ServiceUrls(**{name: atlas.addresses[name] for name in ServiceUrls.__dataclass_fields__}),
        ingestion_url=environ.get("ATLAS_INGESTION_URL") or f"http://{atlas.ingest_host}",
        host=atlas.host,
        port=atlas.ports.dashboards,
        allowed_hosts=(*LOOPBACK, *hosts),
        max_kernels=_number(environ, "ATLAS_DASHBOARDS_MAX_KERNELS", 20),
    )


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise MisconfiguredError(f"{name}={text!r} is not a number above 0")
    return int(text)
