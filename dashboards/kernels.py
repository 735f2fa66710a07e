"""Kernels: one for each open page, with a clean environment, an owner, a limit and an end."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from dashboards.client import ServiceUrls
from dashboards.sessions import session_of_cookies
from dashboards.settings import DashboardSettings
from dashboards.visit import TOKEN_VARIABLE

# What a Python process needs of its surroundings; everything else, every secret included, stays with the server.
_INHERITED: Final = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("SYSTEMROOT", "USERPROFILE", "APPDATA", "PATHEXT", "COMSPEC"),
    *("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"),
)
_REQUEST: Final = ("QUERY_STRING", "SCRIPT_NAME")
_PACKAGES: Final = Path(__file__).parent.parent


class CrowdedError(Exception):
    """As many kernels are running as this server allows."""


def kernel_environment(
    server: Mapping[str, str], *, token: str, urls: ServiceUrls, ingestion_url: str
) -> dict[str, str]:
    """Return the whole environment of a visitor's kernel: named variables of the server's, and the visit."""
    kept = {name: server[name] for name in (*_INHERITED, *_REQUEST) if name in server}
    return {
        **kept,
        **urls.as_environment(),
        TOKEN_VARIABLE: token,
        "ATLAS_INGESTION_URL": ingestion_url,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGES), server.get("PYTHONPATH", "")))),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


class VisitorKernels(AsyncMappingKernelManager):
    """Starts kernels for signed-in visitors only; `owners` says whose each one is."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.owners: dict[str, str] = {}
        self._settings: DashboardSettings = kwargs["parent"].atlas
        self._starting = 0
        self._alone_since: dict[str, float] = {}

    @property
    def live(self) -> int:
        """How many kernels run or are being started."""
        return len(self.list_kernel_ids()) + self._starting

    async def start_for_visitor(self, **kwargs: Any) -> str:
        """Start a kernel for the visitor whose cookie is in `env` and return its id.

        Raises:
            CrowdedError: The limit is reached, or nobody is signed in.
        """
        settings = self._settings
        env = kwargs.pop("env", {})
        session = session_of_cookies(env.get("HTTP_COOKIE", ""), settings.jwt_key)
        if session is None or self.live >= settings.max_kernels:
            raise CrowdedError
        clean = kernel_environment(env, token=session.token, urls=settings.urls, ingestion_url=settings.ingestion_url)
        self._starting += 1
        try:
            kernel_id: str = await super()._async_start_kernel(env=clean, **kwargs)
        finally:
            self._starting -= 1
        self.owners[kernel_id] = session.owner
        return kernel_id

    start_kernel: Any = start_for_visitor  # Jupyter's own is declared synchronous and assigned an async one, too

    async def end(self, kernel_id: str) -> None:
        """End a kernel at once; one that is gone already is no error."""
        self.owners.pop(kernel_id, None)
        self._alone_since.pop(kernel_id, None)
        if kernel_id in self:
            await self.shutdown_kernel(kernel_id, now=True)

    async def end_those_of(self, owner: str) -> None:
        """End every kernel of one session."""
        for kernel_id in [known for known, name in self.owners.items() if name == owner]:
            await self.end(kernel_id)

    async def reap(self, lonely_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """End kernels that no page has been connected to for `lonely_s`, busy or not.

        Idle culling cannot do it: a page that polls is never idle, and a page that was fetched but never
        opened in a browser has no socket to lose.
        """
        now = clock()
        for kernel_id in tuple(self.list_kernel_ids()):
            if self.kernel_model(kernel_id)["connections"] > 0:
                self._alone_since.pop(kernel_id, None)
            elif now - self._alone_since.setdefault(kernel_id, now) >= lonely_s:
                self.log.info("ending kernel %s: no page for %.0f s", kernel_id, lonely_s)
                await self.end(kernel_id)
