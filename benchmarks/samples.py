"""Events as applications send them: a seeded mix of exceptions and messages."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from atlas_core.events import Event, ExceptionValue, Frame, Level
from atlas_core.topics import ATLAS_EVENTS

PROJECT = UUID("0a7fa5e0-0000-4000-8000-000000000001")
_KINDS = ("ValueError", "KeyError", "TimeoutError", "ConnectionError", "PermissionError", "RuntimeError")
_WORDS = ("order", "invoice", "cart", "user", "session", "payment", "stock", "mail", "search", "report")


def sample_events(count: int, *, issues: int = 1_000, seed: int = 7, tags: bool = True) -> list[Event]:
    """Return `count` events of `issues` different messages, about 900 bytes of JSON each.

    As in real projects a few issues have most of the events: the n-th most frequent one has 1/n of the first one's.
    """
    made = random.Random(seed)
    which = made.choices(range(issues), [1 / (n + 1) for n in range(issues)], k=count)
    start = datetime.now(UTC) - timedelta(minutes=30)
    return [_event(made, n, which[n], start, tags=tags) for n in range(count)]


def batches(events: Sequence[Event], size: int) -> Iterator[list[bytes]]:
    """Yield the events as they lie in the log, `size` at a time."""
    for start in range(0, len(events), size):
        yield [ATLAS_EVENTS.encode(event) for event in events[start : start + size]]


def _event(made: random.Random, n: int, which: int, start: datetime, *, tags: bool) -> Event:
    kind, word = _KINDS[which % len(_KINDS)], _WORDS[which % len(_WORDS)]
    message = f"cannot load {word} number {which}"
    at = start + timedelta(milliseconds=n % 1_000_000)
    frames = [
        Frame(filename=f"shop/{word}.py", function=name, module=f"shop.{word}", lineno=10 + line, in_app=line > 1,
              context_line=f"    return self.{name}({word})")
        for line, name in enumerate(("dispatch", "handle", "load", "fetch"))
    ]  # fmt: skip
    return Event(
        project_id=PROJECT, event_id=UUID(int=made.getrandbits(128), version=4), source="api", level=Level.ERROR,
        message=message, timestamp=at, received_at=at, type=kind, platform="python",
        stack_trace=f'  File "shop/{word}.py", line 13, in fetch\n{kind}: {message}',
        exceptions=[ExceptionValue(type=kind, value=message, module="builtins", frames=frames)],
        release=f"shop@1.{which % 5}.0", environment="production", server_name=f"web-{which % 8}",
        user={"id": str(made.randrange(5_000))},
        tags={"region": made.choice(("eu", "us", "ap")), "runtime": "cpython 3.11"} if tags else {},
    )  # fmt: skip
