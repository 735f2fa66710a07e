"""Every service in one process, and the people of two organizations who call its routes."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import jwt
import psycopg

from atlas_core.settings import read_settings
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from services.identity.accounts import Accounts
from services.serving import Service
from services.wiring import SERVICES

KEY = "a key of the test's own, which is long enough for every algorithm of HMAC"
SECRET = "what-only-members-may-read"  # in every text of the victim's project
ISSUES = 60
# Whoever comes may call these; naming a route here is a decision.
PUBLIC = {"/healthz", "/readyz", "/metrics", "/auth/signup", "/auth/signin"}


class Route(NamedTuple):
    """One method of one path of one service, as its OpenAPI describes it."""

    service: str
    method: str
    path: str
    body: Mapping[str, Any] | None
    query: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


class Tenants:
    """Organization A with its project and member, organization B with a stranger, and all services."""

    def __init__(self, url: str) -> None:
        settings = read_settings({"ATLAS_DATABASE_URL": url, "ATLAS_OLLAMA_URL": "http://127.0.0.1:9"})
        self._runner = asyncio.Runner()
        self._settings = settings
        self._services: dict[str, Service] = {}
        self._clients: dict[str, httpx.AsyncClient] = {}
        for name in SERVICES:
            self._start(name)
        self._database = Database(url, pool_size=1)
        identity = IdentityStore(self._database)
        self._accounts = Accounts(identity, KEY)
        self.member = self._sign_up(identity, "member")
        self.foreign = self._sign_up(identity, "foreign")
        gone = identity.add_user("gone@example.org", "hash")
        self.gone = self._accounts.token(gone, "gone@example.org", "hash")
        self.ended = self._sign_up(identity, "ended")
        with psycopg.connect(url) as connection:
            connection.execute("DELETE FROM identity.users WHERE id = %s", (gone,))
        self._end_session(self.ended)
        self.organization, self.project = self._new_project(self.member)
        _, self.foreign_project = self._new_project(self.foreign)
        self._fill()
        self.revoked_key = self._revoke()
        self._made: dict[str, Callable[[], str]] = self._makers()
        self._standing = {name: make() for name, make in self._made.items()}

    def _end_session(self, token: str) -> None:
        """Sign out, and wait until that holds: identity knew the session, and may know it for some seconds."""
        headers = {"authorization": f"Bearer {token}"}
        assert self.send("identity", "POST", "/auth/signout", headers).is_success
        deadline = time.monotonic() + 30
        while self.send("identity", "GET", "/auth/session", headers).status_code != 401:
            assert time.monotonic() < deadline, "the session did not end"
            time.sleep(0.05)

    def call(self, route: Route, headers: Mapping[str, str], ids: Mapping[str, str]) -> httpx.Response:
        """Call a route with the ids that its path, query and body ask for."""
        body = _sample(route.body, ids) if route.body is not None else None
        path = route.path.format(**ids)
        query = "&".join(f"{name}=1" for name in route.query)
        return self.send(route.service, route.method, f"{path}?{query}" if query else path, headers, body)

    def send(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        typed = {"content-type": "application/json", **headers}
        return self._runner.run(self._clients[service].request(method, path, headers=typed, content=content))

    def routes(self, service: str) -> Iterator[Route]:
        """Yield what the service's OpenAPI describes, reading routes first and deleting ones last."""
        described = self.send(service, "GET", "/openapi.json", {}).json()
        order = ["get", "post", "put", "patch", "delete"]
        found = [(path, method) for path, methods in described["paths"].items() for method in methods]
        for path, method in sorted(found, key=lambda each: (order.index(each[1]), each[0])):
            operation = described["paths"][path][method]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            needed = tuple(
                each["name"]
                for each in operation.get("parameters", ())
                if each["in"] == "query" and each.get("required")
            )
            body = _resolved(content["schema"], described) if content else None
            yield Route(service, method.upper(), path, body, needed)

    def ids(self, route: Route) -> dict[str, str]:
        """Return real ids of the victim for a route, always the same ones: for those who must be refused."""
        unknown = {part[1:-1] for part in route.path.split("/") if part.startswith("{")} - set(self._made)
        assert not unknown, f"{route}: say in tests/services/tenants.py how {unknown} is made"
        return self._standing

    def fresh_ids(self, route: Route) -> dict[str, str]:
        """Return ids of the victim that no call has used up yet: for the member."""
        return self.ids(route) | {name: make() for name, make in self._made.items() if f"{{{name}}}" in route.path}

    def read(self, service: str, path: str) -> Any:
        """Return what the member reads there."""
        return self._ok(self.member, service, "GET", path)

    def claims(self) -> dict[str, Any]:
        """Return the claims of the member's token."""
        claims: dict[str, Any] = jwt.decode(self.member, options={"verify_signature": False})
        return claims

    def close(self) -> None:
        for name in list(self._services):
            self._stop(name)
        self._database.close()
        self._runner.close()

    def _start(self, name: str) -> None:
        self._services[name] = service = SERVICES[name](self._settings, KEY)
        transport = httpx.ASGITransport(app=service.app)
        self._clients[name] = httpx.AsyncClient(transport=transport, base_url=f"http://{name}")

    def _stop(self, name: str) -> None:
        self._runner.run(self._clients.pop(name).aclose())
        for close in self._services.pop(name).closers:
            close()

    def _sign_up(self, identity: IdentityStore, name: str) -> str:
        # Not through the route: hashing a password takes long on purpose.
        email = f"{name}@example.org"
        return self._accounts.token(identity.add_user(email, "hash"), email, "hash")

    def _new_project(self, token: str) -> tuple[str, dict[str, Any]]:
        made = self._ok(token, "identity", "POST", "/project/create-organization", {"organization_name": SECRET})
        organization = made["organization"]["id"]
        body = {"organization_id": organization, "project_name": SECRET}
        return organization, self._ok(token, "identity", "POST", "/project/create-project", body)["project"]

    def _fill(self) -> None:
        """Send events through every service, until there are issues, alerts and insights."""
        path = f"/projects/{self.project['id']}"
        rule = {"name": SECRET, "condition": "new_issue", "threshold": 0}
        self._ok(self.member, "alerts", "POST", f"{path}/rules", rule)
        frame = {
            "filename": "shop/orders.py",
            "function": "place",
            "module": "shop.orders",
            "lineno": 7,
            "in_app": True,
        }
        more = {
            "exception": {"values": [{"type": "TimeoutError", "value": "30 s", "stacktrace": {"frames": [frame]}}]},
            "release": "shop@1.4.0", "environment": "production", "tags": {"tier": "gold"}, "user": {"id": "7"},
        }  # fmt: skip
        events = [
            {"event_id": uuid4().hex, "level": "error", "message": f"{SECRET} {n}", **more} for n in range(ISSUES)
        ]
        sent = self.send(
            "ingestion", "POST", "/api/ingest/events/batch", {"X-API-Key": self.project["api_key"]}, events
        )
        assert sent.status_code == 202, sent.text
        # It writes down by and by what it counted; stopped, it has: nothing changes any more while others look.
        self._stop("ingestion")
        self._start("ingestion")
        workers = [worker for service in self._services.values() for worker in service.workers]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 30
        while self.read("alerts", f"{path}/alerts/unread")["unread_count"] < ISSUES:
            assert time.monotonic() < deadline, "the events never became issues and alerts"
            time.sleep(0.05)
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(10)

    def _revoke(self) -> str:
        keys = f"/project/projects/{self.project['id']}/keys"
        made = self._ok(self.member, "identity", "POST", keys, {"label": "old"})["key"]
        self._ok(self.member, "identity", "DELETE", f"{keys}/{made['id']}")
        return str(made["api_key"])

    def _makers(self) -> dict[str, Callable[[], str]]:
        path = f"/projects/{self.project['id']}"
        listed = self.read("issues", f"{path}/issues?limit={ISSUES}")["issues"]
        issues = iter([issue["id"] for issue in listed])
        event = self.read("issues", f"{path}/events?limit=1")["events"][0]["event_id"]
        alert = self.read("alerts", f"{path}/alerts")["alerts"][0]["id"]
        rule = {"name": SECRET, "condition": "critical_error", "threshold": 0}
        keys = f"/project/projects/{self.project['id']}/keys"
        create: dict[str, Callable[[], Any]] = {
            "rule_id": lambda: self._ok(self.member, "alerts", "POST", f"{path}/rules", rule)["rule"]["id"],
            "key_id": lambda: self._ok(self.member, "identity", "POST", keys, {"label": SECRET})["key"]["id"],
            "view_id": lambda: self._ok(self.member, "issues", "POST", f"{path}/views", {"name": uuid4().hex})["view"][
                "id"
            ],
            "action_id": lambda: self._ok(
                self.member, "issues", "PATCH", f"{path}/issues/{next(issues)}", {"priority": "high"}
            )["action_id"],
            "change_id": lambda: self._ok(
                self.member, "issues", "PUT", f"{path}/grouping", {"rules": f"message:{uuid4()} -> one"}
            )["change_id"],
        }
        return {
            "organization_id": lambda: self.organization,
            "project_id": lambda: str(self.project["id"]),
            "project": lambda: str(self.project["dsn"]).rsplit("/", 1)[1],
            "issue_id": lambda: str(next(issues)),
            "event_id": lambda: str(event),
            "alert_id": lambda: str(alert),
            **create,
        }

    def _ok(self, token: str, service: str, method: str, path: str, body: object = None) -> Any:
        answer = self.send(service, method, path, {"authorization": f"Bearer {token}"}, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


def _resolved(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(choice, described)
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return {"name": name, **described["components"]["schemas"][name]} if name else schema


def _sample(schema: Mapping[str, Any], ids: Mapping[str, str]) -> object:
    """Return a body that the route takes; for one that is not known here, one of the right shape."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    known = {
        "IssueChanges": {"priority": "low"},
        "BulkChanges": {"issues": {ids["issue_id"]: None}, "priority": "low"},
        "NewRule": {"name": "rule", "condition": "new_issue", "threshold": 0},
    }
    if schema.get("name") in known:
        return known[str(schema["name"])]
    simple = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    formats = {"uuid": str(UUID(int=1)), "date-time": tomorrow}
    return {
        name: ids.get(name) or simple.get(kind.get("type")) or formats.get(kind.get("format")) or "some text"
        for name, kind in schema.get("properties", {}).items()
        if name in schema.get("required", ())
    }
