"""What every app shares: error answers, session auth, CORS, body limits, /healthz, /readyz, /metrics."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

import jwt
import sqlalchemy
from fastapi import Depends, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atlas_core import limits
from atlas_core.errors import (
    AtlasError,
    ConflictError,
    NotFoundError,
    RejectedError,
    TooLargeError,
    TransientError,
    UnsupportedEncodingError,
    WrongShapeError,
)
from atlas_core.storage.database import Database
from services.openapi import BEARER, DescribedApp

Checks = Mapping[str, Callable[[], None]]
ISSUER = "atlas-identity"
AUDIENCE = "atlas"
MEMBERSHIP_TTL_S = 4.0
RETRY_AFTER_S = 5
_SESSION = sqlalchemy.text(
    "SELECT 1 FROM identity.sessions WHERE user_id = :user AND id = :session AND expires_at > now()"
)
_MEMBERSHIP = sqlalchemy.text(
    "SELECT 1 FROM identity.projects p JOIN identity.members m USING (organization_id) "
    "JOIN identity.users u ON u.id = m.user_id WHERE p.id = :project AND m.user_id = :user"
)
_STATUS_OF: tuple[tuple[type[AtlasError], int], ...] = (
    (TooLargeError, 413),
    (WrongShapeError, 422),
    (UnsupportedEncodingError, 415),
    (RejectedError, 400),
    (NotFoundError, 404),
    (ConflictError, 409),
    (TransientError, 503),
)


class UnauthorizedError(AtlasError):
    """No token, or one that does not hold."""


class User:
    """Who asks: a signed-in account, and the session that it is signed in by."""

    def __init__(self, user_id: UUID, email: str, session_id: UUID) -> None:
        self.id = user_id
        self.email = email
        self.session_id = session_id


class Sessions:
    """Checks tokens, and who may see which project.

    Sessions and memberships are cached for `MEMBERSHIP_TTL_S`, so one that ends is out within five seconds.

    Args:
        jwt_key: The key that identity signs with.
        database: Where identity keeps its members.
    """

    def __init__(self, jwt_key: str, database: Database) -> None:
        self._jwt_key = jwt_key
        self._database = database
        self._known: dict[tuple[UUID, UUID], float] = {}  # what holds, and until when we need not ask again
        self._lock = threading.Lock()

    def user(self, authorization: str | None) -> User:
        """Return the user of an `Authorization: Bearer ...` header.

        Raises:
            UnauthorizedError: It is missing, malformed, expired, not ours, or of a session that has ended.
            TransientError: The database does not answer.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthorizedError("sign in first: this route needs Authorization: Bearer <token>")
        try:
            claims = jwt.decode(
                token.strip(),
                self._jwt_key,
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["aud", "exp", "iat", "iss", "jti", "sub"]},
            )
            user = User(UUID(claims["user_id"]), str(claims["email"]), UUID(claims["jti"]))
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise UnauthorizedError("the token is not valid or has expired: sign in again") from error
        if not self._holds(_SESSION, user=user.id, session=user.session_id):
            raise UnauthorizedError("the session has ended: sign in again")
        return user

    def require_member(self, user: User, project_id: UUID) -> None:
        """Return if the user belongs to the project's organization.

        Raises:
            NotFoundError: They do not, or there is no such project: both look the same.
            TransientError: The database does not answer.
        """
        if not self._holds(_MEMBERSHIP, user=user.id, project=project_id):
            raise NotFoundError("no such project")

    def _holds(self, query: sqlalchemy.TextClause, *, user: UUID, **other: UUID) -> bool:
        (asked,) = other.values()
        ids = (user, asked)  # of a session or a project: an id names one thing only
        now = time.monotonic()
        if self._known.get(ids, 0.0) > now:
            return True
        with self._database.transaction() as connection:
            if connection.execute(query, {"user": user, **other}).first() is None:
                return False
        with self._lock:
            if len(self._known) > 10_000:  # noqa: PLR2004 - bounds the cache; it refills itself
                self._known.clear()
            self._known[ids] = now + MEMBERSHIP_TTL_S
        return True


def current_user(request: Request, _told: Annotated[object, Security(BEARER)]) -> User:
    """Return who asks (a FastAPI dependency); `_told` is for OpenAPI, the token is read here."""
    sessions: Sessions = request.app.state.sessions
    return sessions.user(request.headers.get("authorization"))


CurrentUser = Annotated[User, Depends(current_user)]


def member_of(request: Request, project_id: UUID, user: CurrentUser) -> UUID:
    """Return the path's project id when the asker is a member of it (a FastAPI dependency)."""
    sessions: Sessions = request.app.state.sessions
    sessions.require_member(user, project_id)
    return project_id


MemberProject = Annotated[UUID, Depends(member_of)]


def make_app(
    title: str,
    *,
    checks: Checks,
    sessions: Sessions | None = None,
    cors_origins: tuple[str, ...] = (),
) -> DescribedApp:
    """Return a FastAPI app with Atlas's error shape and the routes that every service has.

    Args:
        title: The service's name, shown in OpenAPI.
        checks: What `/readyz` asks, by name; each returns or raises an AtlasError that says what is wrong.
        sessions: Who may ask; None for a service whose routes take API keys only.
        cors_origins: Origins whose pages may call with credentials.
    """
    app = DescribedApp(title=f"Atlas {title}", version="1", docs_url="/docs", redoc_url=None, redirect_slashes=False)
    app.state.sessions = sessions
    _answer_errors(app)
    _add_operations(app, title, checks)
    app.add_middleware(BodyLimit, size_bytes=limits.API_BODY_BYTES)
    app.add_middleware(ServerErrorMiddleware, handler=unexpected)  # inside CORS, so that pages may read its answer
    if cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type"],
        )
    return app


def error_answer(error: AtlasError) -> JSONResponse:
    """Return the HTTP answer for an error raised on purpose."""
    if isinstance(error, UnauthorizedError):
        return JSONResponse({"error": str(error)}, 401, {"WWW-Authenticate": "Bearer"})
    status = status_of(error)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}  # noqa: PLR2004 - Service Unavailable
    body = {"error": clean(str(error)[:500])} | ({} if error.detail is None else {"detail": error.detail})
    return JSONResponse(body, status, headers)


def status_of(error: AtlasError) -> int:
    """Return the HTTP status that says what kind of error this is."""
    return next((code for kind, code in _STATUS_OF if isinstance(error, kind)), 500)


async def unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """Return the answer for an error that nobody expected; the server logs its traceback."""
    return JSONResponse({"error": "something unexpected went wrong here; the service's log says what"}, 500)


def _answer_errors(app: FastAPI) -> None:
    def atlas_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, AtlasError)
        return error_answer(error)

    def http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return invalid_answer(error)

    app.add_exception_handler(AtlasError, atlas_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)


def invalid_answer(error: RequestValidationError) -> JSONResponse:
    """Return 404 for an id that cannot exist, 400 for a body that is not JSON, else 422; never the input itself."""
    problems = error.errors()
    if any(p["loc"][0] == "path" for p in problems):
        return JSONResponse({"error": "not found"}, 404)
    if any(p["type"] == "json_invalid" for p in problems):
        return JSONResponse({"error": "the body is not JSON"}, 400)
    detail = [{"where": ".".join(map(str, p["loc"]))[:200], "problem": str(p["msg"])[:200]} for p in problems[:5]]
    return JSONResponse({"error": "the request has the wrong shape", "detail": detail}, 422)


def _add_operations(app: FastAPI, title: str, checks: Checks) -> None:
    @app.get("/healthz", tags=["operations"])
    def healthz() -> dict[str, str]:
        """Say that the process lives."""
        return {"status": "ok", "service": title}

    @app.get("/readyz", tags=["operations"])
    def readyz() -> Response:
        """Say whether everything that this service needs answers, and if not, what and why."""
        problems = {}
        for name, check in checks.items():
            try:
                check()
            except AtlasError as error:
                problems[name] = str(error)[:300]
        if problems:
            return JSONResponse({"error": "not ready", "detail": problems}, 503, {"Retry-After": str(RETRY_AFTER_S)})
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", tags=["operations"])
    def metrics() -> Response:
        """Return this process's metrics in the Prometheus text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class BodyLimit:
    """Refuses bodies past `size_bytes`: by their declared length, and again while they are read."""

    def __init__(self, app: ASGIApp, size_bytes: int) -> None:
        self._app = app
        self._size_bytes = size_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with a bounded `receive`."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        too_large = JSONResponse({"error": f"the body is larger than {self._size_bytes:,} bytes"}, 413)
        if not declared.isdigit() or int(declared) > self._size_bytes:
            await too_large(scope, receive, send)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._size_bytes:
                raise HTTPException(413, f"the body is larger than {self._size_bytes:,} bytes")
            return message

        await self._app(scope, bounded, send)


def clean(text: str) -> str:
    """Return `text` without NUL characters and half surrogates, so that it can be stored."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
