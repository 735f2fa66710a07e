"""What stands before the kernels: sign-in, sign-out, health, refusals."""

import logging
from pathlib import Path
from typing import Any, Final

import tornado.web
from tornado.template import Loader

from dashboards.accounts import session_holds, sign_out
from dashboards.client import ApiError, answers, sign_in
from dashboards.sessions import COOKIE, read_session

log = logging.getLogger(__name__)

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        # blob: is how the browser imports a widget's script; style attributes are how ipywidgets lays out.
        "default-src 'self'; script-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; "
        "form-action 'self'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HOME: Final = "/issues"
_PAGES: Final = Loader(str(Path(__file__).parent / "templates" / "front"))
_MAX_FIELD: Final = 1_000


def safe_next(path: str) -> str:
    """Return `path` if it is of this server, the first page otherwise: never a redirect to somewhere else."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and not path.startswith("/sign-") else HOME


def message_page(title: str, text: str) -> bytes:
    """Return a whole page that says one thing and offers to try again."""
    return _PAGES.load("message.html").generate(title=title, text=text)


NOT_FOUND_PAGE: Final = message_page("Page not found", "There is nothing at this address.")


class FrontHandler(tornado.web.RequestHandler):
    """A page of our own; starts no kernel."""

    def set_default_headers(self) -> None:
        """Set the headers of every answer."""
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "no-store")

    def check_same_origin(self) -> None:
        """Return if the form was sent by a page of this server.

        Raises:
            HTTPError: 403, another site sent it.
        """
        # Without the scheme: behind a proxy that speaks TLS, the browser's is not the one that we are asked by.
        origin = self.request.headers.get("Origin", "")
        foreign = origin and origin.partition("://")[2].lower() != self.request.host.lower()
        if foreign or self.request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise tornado.web.HTTPError(403)

    def came_by_tls(self) -> bool:
        """Tell whether the browser speaks TLS, to us or to a proxy before us.

        A list of trusted proxies is not needed: who sends a wrong header spoils their own cookie only.
        """
        proxy = self.request.headers.get("X-Forwarded-Proto", "").partition(",")[0].strip().lower()
        origin = self.request.headers.get("Origin", "").partition(":")[0].lower()
        return "https" in {self.request.protocol, proxy, origin}

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """Answer with a page that shows no detail of the error."""
        self.finish(message_page(f"{status_code}", "This request cannot be answered."))


class SignIn(FrontHandler):
    """The sign-in page."""

    async def get(self) -> None:
        """Show the form; a visitor who is signed in already goes on."""
        wanted = safe_next(self.get_query_argument("next", HOME))
        atlas = self.settings["atlas"]
        session = read_session(self.get_cookie(COOKIE), atlas.jwt_key)
        try:
            if session and wanted != HOME and await session_holds(atlas.urls, session.token):
                self.redirect(wanted)
                return
        except ApiError as error:
            log.warning("asking whether a session holds: %s", error)
        self._form(wanted)

    async def post(self) -> None:
        """Ask identity, set the session cookie and go on to the page that was asked for."""
        self.check_same_origin()
        wanted = safe_next(self.get_body_argument("next", HOME))
        email = self.get_body_argument("email", "")[:_MAX_FIELD]
        password = self.get_body_argument("password", "", strip=False)[:_MAX_FIELD]
        atlas = self.settings["atlas"]
        try:
            token = await sign_in(atlas.urls.identity, email, password)
        except ApiError as error:
            self._form(wanted, email, f"{error} Try again in a moment.", 503)
            return
        if token is None:
            self._form(wanted, email, "Wrong email or password.", 401)
            return
        if read_session(token, atlas.jwt_key) is None:
            self._form(wanted, email, "This server and the identity service do not share a key: ATLAS_JWT_KEY.", 502)
            return
        self.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=self.came_by_tls(), path="/")
        self.redirect(wanted, status=303)

    def _form(self, wanted: str, email: str = "", problem: str = "", status: int = 200) -> None:
        self.set_status(status)
        self.finish(_PAGES.load("sign_in.html").generate(wanted=wanted, email=email, problem=problem))


class SignOut(FrontHandler):
    """Ends the session of this browser."""

    async def post(self) -> None:
        """End the session everywhere, its kernels here, and forget its cookie."""
        self.check_same_origin()
        atlas = self.settings["atlas"]
        session = read_session(self.get_cookie(COOKIE), atlas.jwt_key)
        self.clear_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
        if session is not None:
            await self.settings["kernel_manager"].end_those_of(session.owner)
            try:
                await sign_out(atlas.urls, session.token)
            except ApiError as error:
                self.set_status(503)
                text = f"{error} This browser has forgotten your session, which ends elsewhere after twelve hours."
                self.finish(message_page("Signed out of this browser only", text))
                return
        self.redirect("/sign-in", status=303)


class Healthz(FrontHandler):
    """The process lives."""

    def get(self) -> None:
        """Answer 200."""
        self.finish({"status": "ok"})


class Readyz(FrontHandler):
    """The services that every page needs answer."""

    async def get(self) -> None:
        """Answer 200, or 503 with the names of those that do not."""
        urls = self.settings["atlas"].urls
        silent = [name for name in ("identity", "issues") if not await answers(getattr(urls, name))]
        if silent:
            self.set_status(503)
            self.set_header("Retry-After", "5")
            self.finish({"error": f"no answer from: {', '.join(silent)}"})
            return
        self.finish({"status": "ready", "kernels": self.settings["kernel_manager"].live})


class ToHome(FrontHandler):
    """Every other way into Voila leads to the first page."""

    def get(self, *_path: str) -> None:
        """Redirect."""
        self.redirect(HOME)


class NotFound(FrontHandler):
    """No such page."""

    def prepare(self) -> None:
        """Answer 404."""
        self.set_status(404)
        self.finish(NOT_FOUND_PAGE)


class ForeignHost(FrontHandler):
    """The request names a host that is not ours: DNS rebinding, or a missing entry of the allow-list."""

    def prepare(self) -> None:
        """Answer 403."""
        self.set_status(403)
        self.finish("This server does not answer under this name.\n")
