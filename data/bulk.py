"""A month of a web shop's errors, as many as wanted, made from a seed: for measuring, as `history.py` is for looking.

Fifty error families (`families.csv`) whose messages vary in ids, hosts and paths; a daily rhythm, quiet weekends,
incidents; releases that come and go, environments, users and tags.
"""

import csv
import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from atlas_core.events import Event, ExceptionValue, Frame, Level

PROJECT: Final = UUID("0a7fa5e0-0000-4000-8000-0000000000b1")
DAYS: Final = 30
INCIDENTS: Final = 20
INCIDENT_SHARE: Final = 0.12
RELEASES: Final = 12
USERS: Final = 20_000
_HOUR_US: Final = 3_600_000_000
_WIDE: Final = ("{id}", "{hex}", "{uuid}", "{url}", "{path}", "{email}", "{user}")
_NARROW_VALUES: Final = 20
_OFTEN_AGAIN: Final = 0.5
_MIX: Final = 0x9E3779B97F4A7C15
_WORDS: Final = ("two", "n/a", "ten", "1,5", "nil", "x", "12a", "--", "zwei", "null")


class Family(NamedTuple):
    """Errors of one cause: how often, how bad, and what is said where; `type` is empty for a logged message."""

    weight: int
    level: str
    type: str
    template: str
    module: str
    function: str


def _families() -> tuple[Family, ...]:
    with Path(__file__).with_name("families.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Family(int(row.pop("weight")), **row) for row in csv.DictReader(file))


FAMILIES: Final = _families()
_Columns = dict[str, NDArray[Any]]


def bulk_events(
    count: int, *, seed: int, until: datetime, issues: int = 100_000, project: UUID = PROJECT
) -> Iterator[Event]:
    """Yield events, oldest first, over the `DAYS` days before `until`, in constant memory.

    Args:
        count: How many events.
        seed: The same arguments give the same events.
        until: When the newest may have been received; aware.
        issues: About how many different messages there are; fewer when `count` is not several times as high.
        project: Whose events they are.
    """
    made = np.random.default_rng(seed)
    start = (until.astimezone(UTC) - timedelta(days=DAYS)).replace(minute=0, second=0, microsecond=0)
    hours = DAYS * 24
    weights = np.array([family.weight for family in FAMILIES], dtype=float)
    incidents = [(int(made.integers(0, hours)), int(made.integers(0, len(FAMILIES)))) for _ in range(INCIDENTS)]
    calm = made.multinomial(count - int(count * INCIDENT_SHARE), _rhythm(start, hours))
    loud = made.multinomial(count - int(calm.sum()), [1 / INCIDENTS] * INCIDENTS)
    pools = _pools(issues)
    for hour in range(hours):
        families = [made.choice(len(FAMILIES), size=int(calm[hour]), p=weights / weights.sum())]
        families += [np.full(int(loud[n]), family) for n, (at, family) in enumerate(incidents) if at == hour]
        columns = _columns(made, made.permutation(np.concatenate(families)), pools, position=hour / hours)
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            values = dict(zip(columns, row, strict=True))
            at = start + timedelta(hours=hour, microseconds=values["offset_us"])
            yield _event(project, min(at, until), values)


def _rhythm(start: datetime, hours: int) -> NDArray[np.float64]:
    times = [start + timedelta(hours=n) for n in range(hours)]
    daily = np.array([1 + 0.8 * np.sin((at.hour - 8) / 24 * 2 * np.pi) for at in times])
    weekly = np.array([0.45 if at.weekday() >= 5 else 1.0 for at in times])
    rates = daily * weekly
    return np.asarray(rates / rates.sum(), dtype=float)


def _pools(issues: int) -> NDArray[np.int64]:
    """Return how many different messages each family has."""
    wide = np.array([any(name in family.template for name in _WIDE) for family in FAMILIES])
    varies = np.array(["{" in family.template for family in FAMILIES])
    narrow = int((varies & ~wide).sum()) * _NARROW_VALUES + int((~varies).sum())
    weights = np.array([family.weight for family in FAMILIES]) * wide
    sizes = np.maximum(1, (issues - narrow) * weights // weights.sum())
    return np.where(wide, sizes, np.where(varies, _NARROW_VALUES, 1))


def _columns(
    made: np.random.Generator, families: NDArray[np.int64], pools: NDArray[np.int64], *, position: float
) -> _Columns:
    """Return the draws of one hour's events; half of their messages are of this time, half come again and again."""
    size = len(families)
    pool = pools[families]
    recent = pool * np.clip(position + made.normal(0, 0.02, size), 0, 0.999999)
    again = pool * made.random(size) ** 6
    ids = np.frombuffer(made.bytes(16 * size), dtype="S16").astype(object) if size else np.empty(0, dtype=object)
    release = np.clip(position * RELEASES - (made.random(size) < 0.1), 0, RELEASES - 1)
    return {
        "offset_us": np.sort(made.integers(0, _HOUR_US, size)),
        "id": ids,
        "family": families,
        "which": np.where(made.random(size) < _OFTEN_AGAIN, again, recent).astype(np.int64),
        "release": release.astype(np.int64),
        "environment": made.choice(["production", "staging", "development"], size, p=[0.9, 0.08, 0.02]),
        "user": (USERS * made.random(size) ** 2).astype(np.int64),
        "region": made.choice(["eu", "us", "ap"], size, p=[0.5, 0.4, 0.1]),
        "plan": made.choice(["free", "team", "enterprise"], size, p=[0.6, 0.3, 0.1]),
        "browser": made.choice(["Chrome", "Firefox", "Safari", "Edge"], size, p=[0.6, 0.1, 0.2, 0.1]),
        "server": made.integers(0, 40, size),
    }


def _event(project: UUID, at: datetime, values: dict[str, Any]) -> Event:
    family = FAMILIES[values["family"]]
    message = _message(values["family"], values["which"])
    release = f"shop@2.{values['release']}.0"
    frames, trace = _frames(values["family"], values["release"])
    user = values["user"]
    return Event(
        project_id=project, event_id=UUID(bytes=values["id"].ljust(16, b"\0"), version=4), source="api",
        level=Level(family.level), message=message, timestamp=at - timedelta(milliseconds=user % 900), received_at=at,
        type=family.type or None, stack_trace=f"{trace}\n{family.type}: {message}" if family.type else "",
        exceptions=[ExceptionValue(type=family.type, value=message, frames=frames)] if family.type else [],
        platform="python", environment=values["environment"], release=release, server_name=f"web-{values['server']}",
        logger=None if family.type else family.module, transaction=f"/{family.module.replace('.', '/')}",
        user={"id": str(user), "email": f"user{user}@example.org"},
        tags={"region": values["region"], "plan": values["plan"], "browser": values["browser"],
              "server": f"web-{values['server']}"},
        breadcrumbs=[{"category": "http", "message": f"GET /orders/{user}", "level": "info"}],
    )  # fmt: skip


@functools.lru_cache(maxsize=200_000)
def _message(family: int, which: int) -> str:
    mixed = (which * len(FAMILIES) + family + 1) * _MIX & (2**64 - 1)
    mixed ^= mixed >> 31
    host = f"db-{mixed % 40}.{('eu', 'us', 'ap')[mixed % 3]}.example.com"
    return FAMILIES[family].template.format(
        id=mixed % 100_000_000, hex=f"{mixed:016x}", uuid=UUID(int=mixed << 64 | mixed), host=host,
        path=f"/api/v1/orders/{mixed % 10_000_000}", url=f"https://{host}/items/{mixed % 10_000_000}",
        ip=f"10.{mixed % 4}.{mixed % 7}.{mixed % 250}", email=f"user{mixed % 10_000_000}@example.org",
        user=f"u{mixed % 10_000_000}", ms=1_000 + which % 9_000, n2=which % 100, n4=which % 10_000,
        word=_WORDS[which % len(_WORDS)],
    )  # fmt: skip


@functools.cache
def _frames(family: int, release: int) -> tuple[list[Frame], str]:
    """Return the frames and their text; the lines move a little with every release."""
    kind = FAMILIES[family]
    file = kind.module.replace(".", "/") + ".py"
    places = [
        ("starlette/routing.py", "starlette.routing", "app", 74, False),
        ("starlette/middleware/errors.py", "starlette.middleware.errors", "__call__", 165, False),
        ("shop/middleware.py", "shop.middleware", "trace", 31 + release % 3, True),
        (f"{kind.module.split('.')[0]}/routes.py", f"{kind.module.split('.')[0]}.routes", "handle", 40 + family, True),
        (file, kind.module, kind.function, 20 + family + release, True),
    ]
    frames = [
        Frame(filename=path, module=module, function=function, lineno=line, in_app=ours,
              context_line=f"    return await {function}(request)")
        for path, module, function, line, ours in places
    ]  # fmt: skip
    lines = [f'  File "{f.filename}", line {f.lineno}, in {f.function}\n{f.context_line}' for f in frames]
    return frames, "\n".join(["Traceback (most recent call last):", *lines])
