"""`python -m dashboards.server`: the dashboards on their own port, sign-in first."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from traitlets.config import Config

from atlas_core.errors import MisconfiguredError
from atlas_core.settings import LOOPBACK, check_jwt_key, read_settings
from dashboards.client import ServiceUrls

_HERE: Final = Path(__file__).parent
_TEMPLATE: Final = "atlas"
_LAB_EXTENSIONS: Final = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
_MISCONFIGURED_EXIT: Final = 78


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
    services = {"identity": atlas.ports.identity, "issues": atlas.ports.issues}
    services |= {"intelligence": atlas.ports.intelligence, "alerts": atlas.ports.alerts}
    defaults = {f"ATLAS_{name.upper()}_URL": f"http://127.0.0.1:{port}" for name, port in services.items()}
    hosts = environ.get("ATLAS_DASHBOARDS_HOSTS", "").replace(",", " ").split()
    return DashboardSettings(
        jwt_key=key,
        urls=ServiceUrls.from_environment({**defaults, **environ}),
        ingestion_url=environ.get("ATLAS_INGESTION_URL") or f"http://{atlas.ingest_host}",
        host=atlas.host,
        port=atlas.ports.dashboards,
        allowed_hosts=(*LOOPBACK, *hosts),
        max_kernels=_number(environ, "ATLAS_DASHBOARDS_MAX_KERNELS", 20),
    )


def serve(settings: DashboardSettings) -> None:
    """Serve until SIGTERM or Ctrl-C; everything that Jupyter keeps on disk is in a directory that ends with it.

    Raises:
        MisconfiguredError: The key cannot be used.
    """
    check_jwt_key(settings.jwt_key)
    with tempfile.TemporaryDirectory(prefix="atlas-dashboards-") as directory:
        _keep_jupyter_in(Path(directory))
        # Late, because Jupyter reads its directories from the environment when it is imported.
        from dashboards.voila_app import AtlasVoila  # noqa: PLC0415

        app = AtlasVoila(config=_config(settings, directory), atlas=settings)
        app.initialize([])
        app.start()


def main(settings: DashboardSettings | None = None) -> int:
    """Serve with these settings (default: the environment's) and return the exit code."""
    try:
        serve(settings or settings_from_environment(os.environ))
    except MisconfiguredError as error:
        sys.stderr.write(f"{error}\n")
        return _MISCONFIGURED_EXIT
    return 0


def _keep_jupyter_in(directory: Path) -> None:
    shutil.copytree(_HERE / "templates" / _TEMPLATE, directory / "share" / "voila" / "templates" / _TEMPLATE)
    os.environ.update(
        JUPYTER_PATH=str(directory / "share"),
        JUPYTER_RUNTIME_DIR=str(directory / "runtime"),
        JUPYTER_DATA_DIR=str(directory / "data"),
        JUPYTER_CONFIG_DIR=str(directory / "config"),
        JUPYTER_NO_CONFIG="1",
        IPYTHONDIR=str(directory / "ipython"),
    )


def _config(settings: DashboardSettings, directory: str) -> Config:
    config = Config()
    config.Voila.update(
        ip=settings.host,
        port=settings.port,
        port_retries=0,
        open_browser=False,
        root_dir=str(_HERE),
        connection_dir_root=directory,
        config_file_paths=[directory],
        identity_provider_class="dashboards.sessions.VisitorProvider",
        authorizer_class="dashboards.sessions.OwnKernelsOnly",
    )
    config.VoilaConfiguration.update(
        template=_TEMPLATE,
        allow_template_override="NO",
        allow_theme_override="NO",
        strip_sources=True,
        show_tracebacks=False,
        file_allowlist=[],
        http_header_envs=["Cookie"],
        extension_allowlist=list(_LAB_EXTENSIONS),
        multi_kernel_manager_class="dashboards.kernels.VisitorKernels",
    )
    config.VoilaExecutor.cell_error_instruction = "Reload the page; the server's log says what happened."
    return config


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise MisconfiguredError(f"{name}={text!r} is not a number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
