"""A small copy of the four services with the shapes of their answers; everything it holds is made up."""

import functools
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import parse_qsl

import jwt

from tests.dashboards.fake_data import (
    an_event,
    an_id,
    an_insight,
    events_of,
    overview_of,
    some_alerts,
    some_issues,
)
from tests.dashboards.fake_intake import an_intake
from tests.dashboards.fake_lists import a_page
from tests.dashboards.fake_rules import FakeRules
from tests.dashboards.fake_workflow import NO_ISSUE, Answer, FakeWorkflow, Json, answered

JWT_KEY = "0123456789abcdef0123456789abcdef-for-tests"
EMAIL, PASSWORD = "ada@example.com", "lovelace-1843"
OTHER_EMAIL = "bob@example.com"
NO_ROUTE: Answer = (404, {"error": "no such route"})


@functools.cache
def token_of(email: str, key: str = JWT_KEY, life_s: int = 3600, **others: str) -> str:
    """A token as identity signs it; the same one again, because a kernel belongs to one sign-in."""
    now = int(time.time())
    claims = {
        "user_id": email, "sub": email, "email": email, "iss": "atlas-identity", "aud": "atlas", "jti": email,
        "iat": now, "exp": now + life_s,
    } | others  # fmt: skip
    return jwt.encode(claims, key, algorithm="HS256")


def email_of(token: str) -> str:
    """Whose token it is; a token that is no JWT is the first account's."""
    try:
        return str(jwt.decode(token, JWT_KEY, algorithms=["HS256"], issuer="atlas-identity", audience="atlas")["email"])
    except jwt.PyJWTError:
        return EMAIL


@dataclass
class World:
    """What the fake services hold; tests change it while they run."""

    projects: list[Json] = field(
        default_factory=lambda: [
            {"id": an_id("shop"), "project_name": "shop", "organization_id": an_id("acme")},
            {"id": an_id("empty"), "project_name": "empty", "organization_id": an_id("acme")},
        ]
    )
    issues: list[Json] = field(default_factory=some_issues)
    alerts: list[Json] = field(default_factory=some_alerts)
    insight: Json | None = field(default_factory=an_insight)
    wait: Json = field(
        default_factory=lambda: {"error": "no insight", "state": "pending", "reason": "queued", "attempts": 0}
    )
    broken: set[str] = field(default_factory=set)
    refuses_tokens: bool = False
    rules: FakeRules = field(default_factory=FakeRules)
    ended: set[str] = field(default_factory=set)
    workflow: FakeWorkflow = field(default_factory=lambda: FakeWorkflow([EMAIL, OTHER_EMAIL]))

    def answer(self, method: str, path: str, query: str, token: str, body: bytes) -> Answer:
        """The answer to one request: a status and a JSON object."""
        if path == "/healthz":
            return 200, {"status": "ok"}
        if path == "/auth/signin":
            return self._signed_in(json.loads(body))
        if self.refuses_tokens or not token or token in self.ended:
            return 401, {"error": "unauthorized"}
        parts = path.strip("/").split("/")
        if self.broken & set(parts):
            return 503, {"error": "not now"}
        given = json.loads(body) if body else dict(parse_qsl(query))
        if parts[0] == "projects":
            issues = self.issues if parts[1] == an_id("shop") else []
            kept = answered(lambda: self.rules.answer([method, *parts[2:]], email_of(token), given))
            worked = kept or self.workflow.answer(method, parts[2:], issues, email_of(token), given)
            return worked or self._of_project(method, parts[2:], issues, query)
        return self._of_no_project(method, parts, token)

    def _signed_in(self, form: dict[str, str]) -> Answer:
        if form["email"] in {EMAIL, OTHER_EMAIL} and form["password"] == PASSWORD:
            return 200, {"message": "ok", "token": token_of(form["email"]), "email": form["email"]}
        return 401, {"error": "unauthorized"}

    def _of_project(  # noqa: PLR0911 - one return a route
        self, method: str, parts: list[str], issues: list[Json], query: str
    ) -> Answer:
        match [method, *parts]:
            case ["GET", "issues"]:
                return answered(lambda: (200, a_page(issues, query)))
            case ["GET", "issues", issue]:
                found = [known for known in issues if known["id"] == issue]
                return (200, {"issue": found[0]}) if found else NO_ISSUE
            case ["GET", "intake"]:
                return 200, an_intake(query, sent=bool(issues))
            case ["GET", "overview"]:
                return 200, overview_of(issues)
            case ["GET", "events"]:
                return 200, {"events": events_of(issues, query), "next_cursor": None}
            case ["GET", "events", event_id]:
                event = an_event(issues, event_id)
                return (200, {"event": event}) if event else (404, {"error": "no such event"})
            case ["GET", "alerts"]:
                return 200, {"alerts": self.alerts}
            case ["GET", "alerts", "unread"]:
                return 200, {"unread_count": sum(not alert["acknowledged"] for alert in self.alerts)}
        return NO_ROUTE

    def _of_no_project(self, method: str, parts: list[str], token: str) -> Answer:
        match [method, *parts]:
            case ["GET", "auth", "session"]:
                return 200, {"user": {"id": an_id(email_of(token)), "email": email_of(token)}}
            case ["POST", "auth", "signout"]:
                self.ended.add(token)
                return 200, {"message": "Signed out"}
            case ["GET", "project", "projects"]:
                return 200, {"projects": self.projects}
            case ["POST", "alerts", alert_id, "acknowledge"]:
                self.alerts = [a | {"acknowledged": a["acknowledged"] or a["id"] == alert_id} for a in self.alerts]
                return 200, {"status": "acknowledged"}
            case ["GET", "issues", _, "insight"]:
                return (200, {"insight": self.insight}) if self.insight else (404, self.wait)
        return NO_ROUTE


class FakeApi:
    """The world behind one port of this machine."""

    def __init__(self, world: World) -> None:
        self.world = world
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = api.world.answer(self.command, path, query, token, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the library's names

            def log_message(self, *_args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
