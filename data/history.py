"""A small history of a web shop's errors, made from a seed: the same seed gives the same events."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

Native = dict[str, Any]

# (weight, level, type, message, file, function, line of code)
ERRORS: Final = (
    (34, "error", "TimeoutError", "database query timed out after 30 s", "shop/db.py", "fetch_orders",
     "rows = pool.execute(query, timeout=30)"),
    (21, "error", "AttributeError", "'NoneType' object has no attribute 'email'", "shop/accounts.py", "send_receipt",
     "mailer.send(user.email, receipt)"),
    (13, "error", "KeyError", "'currency'", "shop/cart.py", "total", "rate = rates[item['currency']]"),
    (9, "critical", "ConnectionError", "payment provider refused the connection", "shop/payments.py", "charge",
     "answer = provider.post('/charges', json=body)"),
    (7, "error", "ValueError", "invalid literal for int() with base 10: 'two'", "shop/cart.py", "set_quantity",
     "quantity = int(form['quantity'])"),
    (6, "warning", None, "cache miss rate above 80 %", "shop/cache.py", "report", "log.warning(message)"),
    (4, "error", "PermissionError", "token of another tenant", "shop/auth.py", "require",
     "raise PermissionError(reason)"),
    (3, "critical", "MemoryError", "image resize ran out of memory", "shop/images.py", "resize",
     "thumbnail = image.resize(size)"),
    (2, "info", None, "feature flag new-checkout switched on", "shop/flags.py", "switch", "log.info(message)"),
    (1, "error", "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position 0", "shop/uploads.py", "read",
     "text = body.decode()"),
)  # fmt: skip
RELEASES: Final = ("shop@1.4.0", "shop@1.4.1", "shop@1.5.0")
DAY_S: Final = 86_400


def history(count: int, *, seed: int, until: datetime) -> Iterator[Native]:
    """Yield `count` events in the native API's shape, oldest first, over the day before `until`.

    Errors keep their weights; one of them bursts in the last hour, as incidents do.

    Args:
        count: How many events.
        seed: The same seed, count and `until` give the same events.
        until: The newest possible client time; aware.
    """
    made = random.Random(seed)
    weights = [error[0] for error in ERRORS]
    ages_s = sorted((_age_s(made) for _ in range(count)), reverse=True)
    for age_s in ages_s:
        error = made.choices(ERRORS, weights)[0] if age_s > DAY_S / 24 or made.random() < 0.6 else ERRORS[3]
        yield _event(made, error, until - timedelta(seconds=age_s), age_s)


def _age_s(made: random.Random) -> float:
    return made.uniform(0, DAY_S) if made.random() < 0.8 else made.uniform(0, DAY_S / 24)


def _event(made: random.Random, error: tuple[Any, ...], at: datetime, age_s: float) -> Native:
    _, level, kind, message, path, function, code = error
    event: Native = {
        "event_id": UUID(int=made.getrandbits(128), version=4).hex,
        "level": level,
        "message": message,
        "stack_trace": "",
        "timestamp": at.isoformat(),
        "platform": "python",
        "release": RELEASES[0 if age_s > DAY_S / 2 else 1 if age_s > DAY_S / 12 else 2],
        "environment": made.choices(("production", "staging"), (9, 1))[0],
        "server_name": f"web-{made.randint(1, 3)}",
        "tags": {"region": made.choice(("eu", "us")), "plan": made.choice(("free", "team"))},
        "user": {"id": str(made.randint(1, 60))},
        "breadcrumbs": [{"category": "http", "message": f"GET /orders/{made.randint(1, 99)}", "level": "info"}],
    }
    if kind:
        event |= _raised(kind, message, path, function=function, code=code, lineno=made.randint(20, 220))
    return event


def _raised(kind: str, message: str, path: str, *, function: str, code: str, lineno: int) -> Native:
    frames = [
        {"filename": "starlette/routing.py", "function": "app", "module": "starlette.routing", "lineno": 74,
         "in_app": False, "context_line": "response = await f(request)"},
        {"filename": path, "function": function, "module": path.removesuffix(".py").replace("/", "."),
         "lineno": lineno, "in_app": True, "context_line": f"    {code}"},
    ]  # fmt: skip
    lines = [
        f'  File "{f["filename"]}", line {f["lineno"]}, in {f["function"]}\n    {f["context_line"]}' for f in frames
    ]
    trace = "\n".join(["Traceback (most recent call last):", *lines, f"{kind}: {message}"])
    values = [{"type": kind, "value": message, "stacktrace": {"frames": frames}}]
    return {"type": kind, "stack_trace": trace, "exception": {"values": values}}
