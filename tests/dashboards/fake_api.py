"""A small copy of the four services with the shapes of their answers; everything it holds is made up."""

import functools
import json
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

import jwt

JWT_KEY = "0123456789abcdef0123456789abcdef-for-tests"
EMAIL, PASSWORD = "ada@example.com", "lovelace-1843"
OTHER_EMAIL = "bob@example.com"
HOSTILE = "<script>window.stolen=1</script><img src=x onerror=window.stolen=1>"
TRACE = """Traceback (most recent call last):
  File "/srv/shop/.venv/lib/python3.11/site-packages/starlette/routing.py", line 389, in app
    response = await func(request)
  File "/srv/shop/orders/views.py", line 57, in checkout
    total = cart.total(currency)
  File "/srv/shop/orders/cart.py", line 88, in total
    raise KeyError("price_cents")
KeyError: 'price_cents'
"""


@functools.cache
def token_of(email: str, key: str = JWT_KEY, life_s: int = 3600) -> str:
    """A token as identity signs it; the same one again, because a kernel belongs to one sign-in."""
    now = int(time.time())
    claims = {"user_id": email, "sub": email, "email": email, "iss": "atlas-identity", "iat": now, "exp": now + life_s}
    return jwt.encode(claims, key, algorithm="HS256")


def an_id(name: str) -> str:
    """The same UUID for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def minutes_ago(minutes: float) -> str:
    """ISO 8601 with a Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - minutes * 60))


def an_issue(title: str, level: str = "error", count: int = 1, **changes: Any) -> dict[str, Any]:
    """An issue as the issue service answers it."""
    return {
        "id": an_id(title),
        "fingerprint": uuid.uuid5(uuid.NAMESPACE_URL, title).hex * 2,
        "project_id": an_id("shop"),
        "title": title,
        "level": level,
        "count": count,
        "stack_trace": TRACE,
        "first_seen": minutes_ago(4000),
        "last_seen": minutes_ago(1),
        "status": "open",
        "created_at": minutes_ago(4000),
        "updated_at": minutes_ago(1),
    } | changes


def some_issues() -> list[dict[str, Any]]:
    """A project with a bit of everything."""
    titles = [
        ("KeyError: 'price_cents' in cart.total", "critical", 12_408, "open"),
        ("TimeoutError: payment gateway did not answer within 10 s", "error", 931, "open"),
        (f"ValueError: {HOSTILE}", "error", 77, "open"),
        ("DeprecationWarning: currency without a locale", "warning", 5_220, "open"),
        ("IntegrityError: duplicate key value violates unique constraint", "error", 41, "resolved"),
        ("TypeError: unsupported operand type(s) for +: 'NoneType' and 'int'", "error", 19, "open"),
        ("ConnectionResetError: [Errno 104] Connection reset by peer", "warning", 388, "open"),
        ("ZeroDivisionError: division by zero in discounts.share", "error", 7, "open"),
        ("MemoryError in reports.render_pdf", "critical", 3, "open"),
        ("Slow query: SELECT * FROM orders WHERE ... took 8.2 s", "info", 1_204, "open"),
        ("PermissionError: [Errno 13] /var/spool/mail", "error", 64, "resolved"),
        ("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff", "error", 11, "open"),
        ("AssertionError: cart is empty at checkout", "error", 2, "open"),
    ]
    return [
        an_issue(title, level, count, status=status, last_seen=minutes_ago(1.5**index))
        for index, (title, level, count, status) in enumerate(titles)
    ]


@dataclass
class World:
    """What the fake services hold; tests change it while they run."""

    projects: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"id": an_id("shop"), "project_name": "shop", "organization_id": an_id("acme")},
            {"id": an_id("empty"), "project_name": "empty", "organization_id": an_id("acme")},
        ]
    )
    issues: list[dict[str, Any]] = field(default_factory=some_issues)
    alerts: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {
                "id": an_id(f"alert {number}"),
                "rule_id": an_id("rule"),
                "issue_id": an_id("issue"),
                "project_id": an_id("shop"),
                "message": message,
                "acknowledged": seen,
                "fired_at": minutes_ago(3 + number),
            }
            for number, (message, seen) in enumerate(
                [
                    ("Critical error: KeyError: 'price_cents' in cart.total", False),
                    (f"New issue: ValueError: {HOSTILE}", False),
                    ("More than 100 events: Slow query", True),
                ]
            )
        ]
    )
    insight: dict[str, Any] | None = field(
        default_factory=lambda: {
            "id": an_id("insight"),
            "summary": "A cart line without a price reaches cart.total.",
            "root_cause": "Lines added by the gift flow carry no `price_cents`; total() indexes it without a default.",
            "remediation": "Give gift lines a price of 0 when they are added, and read it with .get in cart.py:88.",
            "evidence": [{"quote": "orders/cart.py:88 raise KeyError"}, "12,408 events since the gift flow went live"],
            "model_used": "llama3.2:3b",
            "tokens_used": 612,
        }
    )
    wait: dict[str, Any] = field(
        default_factory=lambda: {"error": "no insight", "state": "pending", "reason": "queued", "attempts": 0}
    )
    broken: set[str] = field(default_factory=set)
    refuses_tokens: bool = False

    def answer(self, method: str, path: str, query: str, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer to one request: a status and a JSON object."""
        if path == "/healthz":
            return 200, {"status": "ok"}
        if path == "/auth/signin":
            return self._signed_in(json.loads(body))
        if self.refuses_tokens or not token:
            return 401, {"error": "unauthorized"}
        parts = path.strip("/").split("/")
        if self.broken & set(parts):
            return 503, {"error": "not now"}
        return self._routed(method, parts, query)

    def _signed_in(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if form["email"] in {EMAIL, OTHER_EMAIL} and form["password"] == PASSWORD:
            return 200, {"message": "ok", "token": token_of(form["email"]), "email": form["email"]}
        return 401, {"error": "unauthorized"}

    def _routed(  # noqa: PLR0911 - one return a route
        self, method: str, parts: list[str], query: str
    ) -> tuple[int, dict[str, Any]]:
        match [method, *parts]:
            case ["GET", "project", "projects"]:
                return 200, {"projects": self.projects}
            case ["GET", "projects", project, "issues"]:
                return 200, {"issues": self._of(project), "next_cursor": None}
            case ["GET", "projects", project, "issues", issue]:
                found = [known for known in self._of(project) if known["id"] == issue]
                return (200, {"issue": found[0]}) if found else (404, {"error": "no such issue"})
            case ["GET", "projects", project, "overview"]:
                return 200, self._overview(self._of(project))
            case ["GET", "projects", project, "events"]:
                return 200, {"events": self._events(self._of(project), query), "next_cursor": None}
            case ["GET", "projects", _, "alerts"]:
                return 200, {"alerts": self.alerts}
            case ["GET", "projects", _, "alerts", "unread"]:
                return 200, {"unread_count": sum(not alert["acknowledged"] for alert in self.alerts)}
            case ["POST", "alerts", alert_id, "acknowledge"]:
                self.alerts = [a | {"acknowledged": a["acknowledged"] or a["id"] == alert_id} for a in self.alerts]
                return 200, {"status": "acknowledged"}
            case ["GET", "issues", _, "insight"]:
                return (200, {"insight": self.insight}) if self.insight else (404, self.wait)
        return 404, {"error": "no such route"}

    def _of(self, project: str) -> list[dict[str, Any]]:
        return self.issues if project == an_id("shop") else []

    def _overview(self, issues: list[dict[str, Any]]) -> dict[str, int]:
        def with_(name: str, word: str) -> int:
            return sum(issue[name] == word for issue in issues)

        return {
            "total_issues": len(issues),
            "open_issues": with_("status", "open"),
            "resolved_issues": with_("status", "resolved"),
            "critical_count": with_("level", "critical"),
            "error_count": with_("level", "error"),
        }

    def _events(self, issues: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
        found = [issue for issue in issues if issue["id"] in query]
        return [
            {
                "event_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{issue['id']}{number}").hex,
                "issue_id": issue["id"],
                "type": "KeyError",
                "message": issue["title"],
                "level": issue["level"],
                "timestamp": minutes_ago(number * 3),
                "received_at": minutes_ago(number * 3),
                "release": "shop@1.4.2",
                "environment": "production",
            }
            for issue in found
            for number in range(1, 6)
        ]


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

            do_POST = do_GET  # noqa: N815 - the library's name

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
