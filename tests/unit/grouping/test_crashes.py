"""Real exceptions of real bugs, each in many variants of the same program, as the SDK reports them."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from atlas_core.events import Event
from atlas_core.grouping import STRATEGIES
from benchmarks.measures import scores
from tests.unit.grouping.making import reported

SHOP = """
import asyncio, functools

def price_of(prices, name):
    return prices[name]

def total(cart):
    return cart.lines.total

def share(amount, people):
    return amount / len(people)

def last(orders):
    return orders[len(orders)]

class Invoice:
    def due(self, text):
        return int(text)

    def number(self, parts):
        return "-".join(parts)

def saved(path):
    return open(path)

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)

def paid(prices, name):
    try:
        return price_of(prices, name)
    except KeyError as error:
        raise LookupError(f"no price for {name}") from error

def refunded(prices, name):
    try:
        return total(None)
    except AttributeError as error:
        raise LookupError(f"no price for {name}") from error

BUGS = {
    "price": lambda n: price_of({}, f"sku-{n}"),
    "total": lambda n: total(n),
    "share": lambda n: share(n, []),
    "last": lambda n: last(list(range(n))),
    "due": lambda n: Invoice().due(f"{n} EUR"),
    "number": lambda n: Invoice().number([n]),
    "saved": lambda n: saved(f"/nowhere/{n}"),
    "deep": lambda n: even(10**9 + n),
    "paid": lambda n: paid({}, f"sku-{n}"),
    "refunded": lambda n: refunded({}, f"sku-{n}"),
}

def descend(depth, action):
    return action() if depth == 0 else descend(depth - 1, action)

def middleware(action):
    def handle():
        try:
            return action()
        finally:
            pass
    return handle

async def awaited(action):
    await asyncio.sleep(0)
    return action()

async def grouped(action, times):
    async with asyncio.TaskGroup() as tasks:
        for _ in range(times):
            tasks.create_task(awaited(action))

def called(action):
    return action()

def again(action):
    try:
        return action()
    except Exception as error:
        raise error
"""


def program(*, lines: int = 0, path: str = "/srv/shop/shop.py") -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile("\n" * lines + SHOP, path, "exec"), names)  # noqa: S102 -- the program under test is this text
    return names


def variants(bug: str) -> dict[str, Callable[[], object]]:
    shop = program()
    other = program(lines=40, path="/opt/releases/77/shop.py")
    action = lambda: shop["BUGS"][bug](5)  # noqa: E731 -- a lambda is one of the variants
    return {
        "plain": lambda: shop["BUGS"][bug](1),
        "other data": lambda: shop["BUGS"][bug](23),
        "other lines and path": lambda: other["BUGS"][bug](1),
        "middleware": shop["middleware"](shop["middleware"](action)),
        "async": lambda: asyncio.run(shop["awaited"](action)),
        "deeper": lambda: shop["descend"](7, action),
        "much deeper": lambda: shop["descend"](60, action),
        "in a group": lambda: asyncio.run(shop["grouped"](action, 1)),
        "three in a group": lambda: asyncio.run(shop["grouped"](action, 3)),
        "raised again": lambda: shop["again"](action),
        "in lambdas": lambda: shop["called"](lambda: shop["called"](lambda: action())),  # noqa: PLW0108 -- the frames matter
        "in a comprehension": lambda: [action() for _ in range(1)],
    }


def crash(run: Callable[[], object]) -> Event:
    try:
        run()
    except Exception as error:  # noqa: BLE001 -- whatever it raises is what is tested
        return reported(error)
    pytest.fail("it did not raise")


@pytest.fixture(scope="module")
def crashes() -> list[tuple[str, str, Event]]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        return [(bug, name, crash(run)) for bug in program()["BUGS"] for name, run in variants(bug).items()]
    finally:
        sys.setrecursionlimit(limit)


def test_each_bug_is_one_group_in_all_its_variants(crashes):
    prints: dict[str, set[bytes]] = {}
    for bug, _, event in crashes:
        prints.setdefault(bug, set()).add(STRATEGIES["stacktrace"](event))
    assert {bug: len(found) for bug, found in prints.items()} == dict.fromkeys(prints, 1)
    assert len(set.union(*prints.values())) == len(prints) == 10


def test_it_groups_better_than_the_message(crashes):
    bugs = [bug for bug, _, _ in crashes]
    found = {
        name: scores([fingerprint(event) for _, _, event in crashes], bugs) for name, fingerprint in STRATEGIES.items()
    }
    assert found["stacktrace"].accuracy == 1
    assert found["message"].accuracy < 0.3
