"""The identity service's routes."""

from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from atlas_core.storage.identity import ForbiddenError, IdentityStore
from services.fields import Name
from services.http import Checks, CurrentUser, Sessions, clean, invalid_answer, make_app
from services.identity.accounts import Accounts
from services.identity.answers import (
    OrganizationMade,
    Organizations,
    PasswordChanged,
    ProjectMade,
    Projects,
    SessionShown,
    SignedIn,
    SignedOut,
    SignedUp,
)
from services.identity.key_routes import add_key_routes, add_limit_routes, shown_once
from services.openapi import Answers, answers

_TAKEN: Final[Answers] = {409: {"description": "There is an account of this address"}}
_UNKNOWN: Final[Answers] = {401: {"description": "No such account, or another password"}}
_NOT_YOURS: Final[Answers] = {
    403: {"description": "No such organization, or it is not yours"},
    409: {"description": "The organization has as many projects as it may have"},
}


class Credentials(BaseModel):
    """Who somebody says they are."""

    email: str
    password: str


class NewPassword(BaseModel):
    """The password that somebody has, and the one that they want."""

    password: str
    new_password: str


class NewOrganization(BaseModel):
    """What an organization is called."""

    organization_name: Name


class NewProject(BaseModel):
    """What a project is called, and whose it is."""

    organization_id: UUID
    project_name: Name


def make_identity_app(
    store: IdentityStore,
    jwt_key: str,
    sessions: Sessions,
    *,
    ingest_host: str,
    checks: Checks,
    cors_origins: tuple[str, ...] = (),
) -> FastAPI:
    """Return the app for accounts, organizations, projects and keys.

    Args:
        store: Where they are kept.
        jwt_key: What tokens are signed with.
        sessions: Checks the tokens of those who ask.
        ingest_host: `name:port` that DSNs show.
        checks: What `/readyz` asks.
        cors_origins: Pages that may call.
    """
    app = make_app("identity", checks=checks, sessions=sessions, cors_origins=cors_origins)
    accounts = Accounts(store, jwt_key)

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        answer = invalid_answer(error)
        return JSONResponse({"error": "invalid request"}, 400) if answer.status_code == 422 else answer  # noqa: PLR2004

    def forbidden(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 403)

    # The original's clients know 400 for a body of the wrong shape.
    app.wrong_shape = 400
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ForbiddenError, forbidden)
    _add_account_routes(app, accounts)
    _add_project_routes(app, store, ingest_host)
    add_key_routes(app, store, ingest_host)
    add_limit_routes(app, store)
    return app


def _add_account_routes(app: FastAPI, accounts: Accounts) -> None:
    @app.post("/auth/signup", status_code=201, tags=["accounts"], responses=answers(SignedUp, 201) | _TAKEN)
    def sign_up(body: Credentials) -> dict[str, Any]:
        """Make an account and sign it in."""
        user_id, email, token = accounts.sign_up(body.email, body.password)
        return {"message": "Signed up", "token": token, "user": {"id": user_id, "email": email}}

    @app.post("/auth/signin", tags=["accounts"], responses=answers(SignedIn) | _UNKNOWN)
    def sign_in(body: Credentials) -> dict[str, Any]:
        """Return a token for an account."""
        email, token = accounts.sign_in(clean(body.email), body.password)
        return {"message": "Signed in", "token": token, "email": email}

    @app.get("/auth/session", tags=["accounts"], responses=answers(SessionShown))
    def session(user: CurrentUser) -> dict[str, Any]:
        """Return who is signed in by this token."""
        return {"user": {"id": user.id, "email": user.email}}

    @app.post("/auth/signout", tags=["accounts"], responses=answers(SignedOut))
    def sign_out(user: CurrentUser) -> dict[str, str]:
        """End this session: its token holds nowhere within five seconds."""
        accounts.sign_out(user)
        return {"message": "Signed out"}

    @app.post("/auth/change-password", tags=["accounts"], responses=answers(PasswordChanged))
    def change_password(body: NewPassword, user: CurrentUser) -> dict[str, str]:
        """Change the password and end every session of the account; the answer has the token of a new one."""
        token = accounts.change_password(user, body.password, body.new_password)
        return {"message": "Password changed", "token": token}


def _add_project_routes(app: FastAPI, store: IdentityStore, ingest_host: str) -> None:
    @app.post(
        "/project/create-organization", status_code=201, tags=["projects"], responses=answers(OrganizationMade, 201)
    )
    def create_organization(body: NewOrganization, user: CurrentUser) -> dict[str, Any]:
        """Make an organization; who makes it owns it."""
        organization = store.add_organization(user.id, body.organization_name)
        return {"message": "Organization created", "organization": organization}

    @app.get("/project/organizations", tags=["projects"], responses=answers(Organizations))
    def organizations(user: CurrentUser) -> dict[str, Any]:
        """Return the asker's organizations, newest first."""
        return {"organizations": store.organizations(user.id)}

    @app.post(
        "/project/create-project", status_code=201, tags=["projects"], responses=answers(ProjectMade, 201) | _NOT_YOURS
    )
    def create_project(body: NewProject, user: CurrentUser) -> dict[str, Any]:
        """Make a project; its key and DSN are shown here and never again."""
        project, api_key = store.add_project(user.id, body.organization_id, body.project_name)
        ingest_id = project.pop("ingest_id")
        return {"message": "Project created", "project": project | shown_once(api_key, ingest_host, ingest_id)}

    @app.get("/project/projects", tags=["projects"], responses=answers(Projects))
    def projects(user: CurrentUser) -> dict[str, Any]:
        """Return the projects that the asker may see, newest first."""
        return {"projects": store.projects(user.id)}
