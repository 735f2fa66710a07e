"""Voila with Atlas's sessions, pages and limits in front of every kernel."""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import tornado.web
from tornado.ioloop import PeriodicCallback
from traitlets import Any as AnyTrait
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler

from dashboards import front
from dashboards.accounts import session_holds
from dashboards.client import ApiError
from dashboards.kernels import CrowdedError
from dashboards.sessions import COOKIE, read_session

_OTHER_WAYS_IN: Final = r"/(?:voila/(?:tree|render|api/contents|files)(?:/.*)?)?"

_TEMPLATE_FILE: Final = re.compile(r"[\w.-]+/static/[^\\]+")


class Page(TornadoVoilaHandler):
    """One notebook as a page; the visitor is signed in, or is sent to sign in before any kernel starts."""

    async def get(self) -> None:
        """Start a kernel and stream the page; say so when there are too many."""
        try:
            if await self._has_ended():
                self.clear_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
                self.redirect(f"/sign-in?{urlencode({'next': self.request.uri})}")
                return
            await super().get(path=None)
        except ApiError as error:
            self.set_status(503)
            self.set_header("Retry-After", "5")
            self.finish(front.message_page("Atlas is not complete", f"{error} Try again in a moment."))
        except CrowdedError:
            self.set_status(503)
            self.set_header("Retry-After", "30")
            self.finish(front.message_page("Atlas is busy", "All places are taken. Close a tab, or try again soon."))

    async def _has_ended(self) -> bool:
        atlas = self.settings["atlas"]
        session = read_session(self.get_cookie(COOKIE), atlas.jwt_key)
        return session is not None and not await session_holds(atlas.urls, session.token)

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """Answer with a page that shows no detail of the error."""
        self.finish(front.message_page(f"{status_code}", "This page could not be made. The server's log says why."))


class EndKernel(VoilaShutdownKernelHandler):
    """The beacon of a closing tab.

    Voila's own answers 403, because a beacon has no `_xsrf` field, and the kernel lives for ever (voila#1458).
    Here a SameSite cookie, the browser's word for the sender's site and the kernel's owner guard it instead.
    """

    def check_xsrf_cookie(self) -> None:
        """Return always; see the class."""

    @tornado.web.authenticated
    async def post(self, kernel_id: str) -> None:
        """End the visitor's own kernel."""
        same_site = self.request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        if not same_site or self.kernel_manager.owners.get(kernel_id) != self.current_user.username:
            raise tornado.web.HTTPError(403)
        await self.kernel_manager.end(kernel_id)
        self.set_status(204)


class TemplateFile(TemplateStaticFileHandler):
    """A file of a template; Voila's own answers 500 when the path has another shape than it expects."""

    def parse_url_path(self, url_path: str) -> str:
        """Return the path in the file system's words.

        Raises:
            HTTPError: 404, this cannot be a template's file.
        """
        if not _TEMPLATE_FILE.fullmatch(url_path) or ".." in url_path.split("/"):
            raise tornado.web.HTTPError(404)
        path: str = super().parse_url_path(url_path)
        return path

    def write_error(self, _status_code: int, **_kwargs: Any) -> None:
        """Answer as for any address where there is nothing."""
        self.finish(front.NOT_FOUND_PAGE)


class AtlasVoila(Voila):
    """The application; `atlas` holds its `DashboardSettings`."""

    name = "voila"
    atlas = AnyTrait()

    def init_settings(self) -> dict[str, Any]:
        """Return Tornado's settings."""
        settings: dict[str, Any] = super().init_settings()
        settings.update(
            atlas=self.atlas,
            login_url="/sign-in",
            headers=front.SECURITY_HEADERS,
            compress_response=True,
            xsrf_cookies=False,  # every route that changes something checks the sender's origin itself
            default_handler_class=front.NotFound,
        )
        return settings

    def init_handlers(self) -> list[Any]:
        """Return the routes, ours before Voila's; a request under a foreign host name reaches none of them."""
        ours = "|".join(re.escape(host) for host in self.atlas.allowed_hosts)
        self.app.add_handlers(rf"^(?!\[?(?:{ours})\]?$).*$", [(r".*", front.ForeignHost)])
        lonely_s = self.atlas.lonely_kernel_s
        self._reaper = PeriodicCallback(lambda: self.kernel_manager.reap(lonely_s), max(0.5, lonely_s / 4) * 1000)
        self._reaper.start()
        return [
            (r".*%00.*", front.NotFound),  # no file has such a name, and Python raises where one is looked for
            (r"/sign-in", front.SignIn),
            (r"/sign-out", front.SignOut),
            (r"/healthz", front.Healthz),
            (r"/readyz", front.Readyz),
            (_OTHER_WAYS_IN, front.ToHome),
            (r"/voila/api/shutdown/(.*)", EndKernel),
            (r"/voila/templates/(.*)", TemplateFile),
            *self._pages(),
            *super().init_handlers(),
        ]

    def _pages(self) -> list[Any]:
        given = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        notebooks = sorted(Path(self.root_dir).glob("*.ipynb"))
        return [(rf"/{book.stem}", Page, {**given, "notebook_path": book.name}) for book in notebooks]
