"""`python -m dashboards.server`: the dashboards on their own port, sign-in first."""

import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from traitlets.config import Config

from atlas_core.errors import MisconfiguredError
from atlas_core.settings import check_jwt_key
from dashboards.notebooks import navigation
from dashboards.settings import DashboardSettings, settings_from_environment

log = logging.getLogger(__name__)

_HERE: Final = Path(__file__).parent
_TEMPLATE: Final = "atlas"
_LAB_EXTENSIONS: Final = ("@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget")
_MISCONFIGURED_EXIT: Final = 78
_SOCKET_PATH: Final = 100  # Unix allows 104 to 108 bytes for the path of a socket
_KERNEL_SOCKET: Final = 65  # what Jupyter appends to the directory


def serve(settings: DashboardSettings) -> None:
    """Serve until SIGTERM or Ctrl-C; everything that Jupyter keeps on disk is in a directory that ends with it.

    Raises:
        MisconfiguredError: The key cannot be used.
    """
    check_jwt_key(settings.jwt_key)
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(0))  # until Voila's own: leave nothing behind
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
    template = directory / "share" / "voila" / "templates" / _TEMPLATE
    shutil.copytree(_HERE / "templates" / _TEMPLATE, template)
    (template / "pages.html.j2").write_text(navigation(), encoding="utf-8")
    os.environ.update(
        JUPYTER_PATH=str(directory / "share"),
        JUPYTER_RUNTIME_DIR=str(directory / "runtime"),
        JUPYTER_DATA_DIR=str(directory / "data"),
        JUPYTER_CONFIG_DIR=str(directory / "config"),
        JUPYTER_NO_CONFIG="1",
        IPYTHONDIR=str(directory / "ipython"),
    )
    tempfile.tempdir = str(directory)  # Jupyter makes a directory of its own and leaves it behind


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
    if os.name == "posix" and len(directory) + _KERNEL_SOCKET <= _SOCKET_PATH:
        config.KernelManager.transport = "ipc"  # sockets in our private directory instead of TCP ports
    config.VoilaExecutor.update(
        cell_error_instruction="Reload the page; the server's log says what happened.", on_cell_error=_log_cell_error
    )
    return config


def _log_cell_error(cell: object, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
    del cell  # the page never shows this; the log is where it goes
    log.error("cell %d failed:\n%s", cell_index, "\n".join(execute_reply["content"].get("traceback", ())))


if __name__ == "__main__":
    sys.exit(main())
