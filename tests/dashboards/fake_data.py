"""What the fake services hold at first; all of it is made up."""

import time
import uuid
from typing import Any

UNSET = (
    "resolved_in", "resolved_at", "regressed_at", "returned_at", "ignored_until", "ignored_until_count",
    "ignored_until_users", "assignee_id", "discarded_at",
)  # fmt: skip
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


def an_id(name: str) -> str:
    """The same UUID for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def minutes_ago(minutes: float) -> str:
    """ISO 8601 with a Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - minutes * 60))


def an_issue(title: str, level: str = "error", count: int = 1, **changes: Any) -> dict[str, Any]:
    """An issue as the issue service answers it."""
    known = {
        "id": an_id(title),
        "fingerprint": uuid.uuid5(uuid.NAMESPACE_URL, title).hex * 2,
        "project_id": an_id("shop"),
        "title": title,
        "type": title.partition(":")[0],
        "culprit": "orders/cart.py in total",
        "platform": "python",
        "level": level,
        "count": count,
        "users": 1 + count // 9,
        "stack_trace": TRACE,
        "first_seen": minutes_ago(4000),
        "last_seen": minutes_ago(1),
        "first_release": "shop@1.4.0",
        "last_release": "shop@1.4.2",
        "status": "open",
        "priority": "medium",
        "version": 1,
        "created_at": minutes_ago(4000),
        "updated_at": minutes_ago(1),
        "resolved_in_next": False,
    }
    unset = dict.fromkeys(UNSET)
    made = unset | known | changes
    return made | {"is_regressed": made["regressed_at"] is not None}


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
    came_back = {6: {"regressed_at": minutes_ago(30)}, 9: {"status": "ignored"}}
    return [
        an_issue(
            title, level, count, **{"status": status, "last_seen": minutes_ago(1.5**index), **came_back.get(index, {})}
        )
        for index, (title, level, count, status) in enumerate(titles)
    ]


def some_alerts() -> list[dict[str, Any]]:
    """Two unread alerts and one that somebody saw."""
    messages = [
        ("Critical error: KeyError: 'price_cents' in cart.total", False),
        (f"New issue: ValueError: {HOSTILE}", False),
        ("More than 100 events: Slow query", True),
    ]
    return [
        {
            "id": an_id(f"alert {number}"),
            "rule_id": an_id("rule"),
            "issue_id": an_id("issue"),
            "project_id": an_id("shop"),
            "message": message,
            "acknowledged": seen,
            "fired_at": minutes_ago(3 + number),
        }
        for number, (message, seen) in enumerate(messages)
    ]


def an_insight() -> dict[str, Any]:
    """An insight as the intelligence service answers it."""
    return {
        "id": an_id("insight"),
        "summary": "A cart line without a price reaches cart.total.",
        "root_cause": "Lines added by the gift flow carry no `price_cents`; total() indexes it without a default.",
        "remediation": "Give gift lines a price of 0 when they are added, and read it with .get in cart.py:88.",
        "evidence": [{"quote": "orders/cart.py:88 raise KeyError"}, "12,408 events since the gift flow went live"],
        "model_used": "llama3.2:3b",
        "tokens_used": 612,
    }


def overview_of(issues: list[dict[str, Any]]) -> dict[str, int]:
    """The project's numbers; discarded issues do not count."""
    issues = [issue for issue in issues if not issue["discarded_at"]]

    def with_(name: str, word: str) -> int:
        return sum(issue[name] == word for issue in issues)

    return {
        "total_issues": len(issues),
        "open_issues": with_("status", "open"),
        "resolved_issues": with_("status", "resolved"),
        "critical_count": with_("level", "critical"),
        "error_count": with_("level", "error"),
    }


def events_of(issues: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    """Five events of the issue that the query names."""
    return [
        {
            "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{issue['id']}{number}")),
            "issue_id": issue["id"],
            "fingerprint": issue["fingerprint"],
            "type": "KeyError",
            "message": issue["title"],
            "level": issue["level"],
            "timestamp": minutes_ago(number * 3),
            "received_at": minutes_ago(number * 3),
            "release": "shop@1.4.2",
            "environment": "production",
        }
        for issue in issues
        if issue["id"] in query
        for number in range(1, 6)
    ]


def an_event(issues: list[dict[str, Any]], event_id: str) -> dict[str, Any] | None:
    """One of those events whole; the first is the newest."""
    for issue in issues:
        events = events_of([issue], issue["id"])
        ids = [event["event_id"] for event in events]
        if event_id in ids:
            at = ids.index(event_id)
            neighbours = {
                "previous_event_id": ids[at + 1] if at + 1 < len(ids) else None,
                "next_event_id": ids[at - 1] if at else None,
            }
            return events[at] | neighbours | _whole(issue, at)
    return None


def _whole(issue: dict[str, Any], number: int) -> dict[str, Any]:
    own = _frame("orders/cart.py", "total", 88, in_app=True) | {
        "pre_context": ["def total(self, currency):", "    for line in self.lines:"],
        "context_line": '        raise KeyError("price_cents")',
        "post_context": ["    return sum(prices)"],
        "vars": {"currency": "EUR", "line": {"sku": HOSTILE, "quantity": 2}},
    }
    caught = {"type": "KeyError", "value": f"'price_cents' {HOSTILE}", "module": None, "handled": False}
    cause = {"type": "LookupError", "value": "no price", "module": "shop.prices", "handled": None}
    library = _frame("starlette/routing.py", "app", 389, in_app=False)
    return {
        "project_id": issue["project_id"],
        "source": "sentry",
        "stack_trace": TRACE,
        "exceptions": [
            cause | {"mechanism": None, "frames": [own | {"lineno": 12}]},
            caught | {"mechanism": {"type": "generic"}, "frames": [library, own]},
        ],
        "frames": [library, own],
        "platform": "python",
        "dist": None,
        "server_name": f"web-{number}",
        "logger": None,
        "transaction": "/checkout",
        "template": None,
        "user": {"id": "41", "email": "carol@example.org"},
        "tags": {"region": "eu-central", "customer": HOSTILE},
        "contexts": {"runtime": {"name": "CPython", "version": "3.11.7"}},
        "extra": {},
        "request": {"method": "POST", "url": "https://shop.example/checkout"},
        "breadcrumbs": [
            {"timestamp": minutes_ago(4), "category": "query", "message": "SELECT * FROM carts", "level": "info"},
            {"timestamp": minutes_ago(3), "category": "http", "data": {"url": HOSTILE, "status": 500}},
        ],
        "sdk": {"name": "sentry.python", "version": "2.40.0"},
        "repairs": [],
        "reported_sha256": None,
        "raw": None,
        "sequence": issue["count"] - number,
        "strategy": "message",
        "grouping": {
            "strategy": "message",
            "fingerprint": issue["fingerprint"],
            "explanation": [f"SHA-256 of the message: {HOSTILE}"],
        },
    }


def _frame(filename: str, function: str, lineno: int, *, in_app: bool) -> dict[str, Any]:
    unset = {"abs_path": None, "module": None, "colno": None, "context_line": None, "vars": None}
    known = {"filename": filename, "function": function, "lineno": lineno, "in_app": in_app}
    return unset | known | {"pre_context": [], "post_context": []}
