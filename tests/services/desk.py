"""A project with members, its digest and the issue service's routes: what tests of people's work sit at."""

import asyncio
import functools
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx
import jwt
import sqlalchemy
from fastapi import FastAPI

from atlas_core.events import Event, Level
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.issue_actions import PostgresIssueActions
from atlas_core.storage.issue_history import IssueHistory
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.issues import PostgresIssueStore
from services.http import AUDIENCE, ISSUER, Sessions
from services.issues.app import make_issues_app
from services.issues.grouping_routes import Groups
from services.issues.reads import Reads
from services.issues.workflow_routes import Workflow

KEY = "a key of the test's own, long enough for HS256"


class Desk:
    """A project of two members, its digest, and the issue service's routes as one of them calls them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        identity = IdentityStore(database)
        self.ann = identity.add_user("ann@example.org", "hash")
        self.bob = identity.add_user("bob@example.org", "hash")
        organization = identity.add_organization(self.ann, "org")
        self.sql(
            "INSERT INTO identity.members (organization_id, user_id, role) VALUES (:o, :u, 'member')",
            o=organization["id"], u=self.bob,
        )  # fmt: skip
        self.project = identity.add_project(self.ann, organization["id"], "shop")[0]["id"]
        self.store = PostgresIssueStore(database)

    @functools.cached_property
    def app(self) -> FastAPI:
        """The issue service's routes, made when a test first calls one: making them takes longer than most tests."""
        database = self.database
        workflow = Workflow(PostgresIssueActions(database), IssueRemoval(database), IssueHistory(database))
        return make_issues_app(Reads.of(database), Sessions(KEY, database), workflow, Groups.of(database), checks={})

    def sql(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.database.transaction() as connection:
            result = connection.execute(sqlalchemy.text(query), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def event(self, message: str = "boom", *, after_s: float = 0, **more: Any) -> Event:
        at = datetime.now(UTC) + timedelta(seconds=after_s)
        return Event(
            project_id=self.project, event_id=uuid4(), source="api", level=Level.ERROR, message=message, timestamp=at,
            received_at=at, **more,
        )  # fmt: skip

    def issue(self, message: str = "boom", **more: Any) -> UUID:
        (update,) = self.store.record([self.event(message, **more)])
        return update.issue_id

    def call(self, method: str, path: str, body: object = None, *, user: UUID | None = None) -> httpx.Response:
        return self.send(method, f"/projects/{self.project}{path}", body, user=user)

    def send(self, method: str, path: str, body: object = None, *, user: UUID | None = None) -> httpx.Response:
        headers = self.headers(user or self.ann)
        return asyncio.run(self._send(method, path, body, headers))

    def headers(self, user: UUID) -> dict[str, str]:
        """Return what a signed-in person sends."""
        now = int(time.time())
        claims = {
            "user_id": str(user), "sub": str(user), "email": "x", "iss": ISSUER, "aud": AUDIENCE, "iat": now,
            "exp": now + 60, "jti": str(self._session_of(user)),
        }  # fmt: skip
        return {"Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}"}

    @functools.cache  # noqa: B019 - a desk lives as long as its test
    def _session_of(self, user: UUID) -> UUID:
        query = "INSERT INTO identity.sessions (user_id, expires_at) VALUES (:u, now() + '1 hour') RETURNING id"
        session_id: UUID = self.sql(query, u=user)[0][0]
        return session_id

    async def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://issues") as client:
            return await client.request(method, path, json=body, headers=headers)

    def edit(self, issue_id: UUID, *, user: UUID | None = None, **body: object) -> httpx.Response:
        return self.call("PATCH", f"/issues/{issue_id}", body, user=user)

    def shown(self, issue_id: UUID) -> dict[str, Any]:
        return self.call("GET", f"/issues/{issue_id}").json()["issue"]

    def listed(self, query: str = "", *, user: UUID | None = None, **more: object) -> list[str]:
        path = f"/issues?{urlencode({'query': query, **more})}"
        return [issue["title"] for issue in ok(self.call("GET", path, user=user))["issues"]]

    def kinds(self, issue_id: UUID) -> list[str]:
        return [entry["kind"] for entry in self.call("GET", f"/issues/{issue_id}/activity").json()["activity"]]


def ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, *words: str) -> Any:
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text
    return answer.json().get("detail")
