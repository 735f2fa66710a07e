"""An hourly account as the issue service answers it; a spike in the fifth hour before now."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs


def an_intake(query: str) -> dict[str, Any]:
    """The account of the last `hours` of the query, newest hour last."""
    window_h = int(parse_qs(query)["hours"][0])
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [_hour(now - timedelta(hours=back), back) for back in range(window_h - 1, -1, -1)]
    return {"hours": hours, "totals": _totals(hours)}


def _hour(at: datetime, back: int) -> dict[str, Any]:
    stored = 300 + 120 * (back % 24 > 8) + 37 * (back % 7)
    dropped = {"discarded": 40} if back % 3 == 0 else {}
    if back == 5:
        dropped = {"spike": 2_410, "discarded": 12, "<i>new</i>": 3}
    waiting = 25 if back == 0 else 0
    accepted = stored + sum(dropped.values()) + waiting
    hour = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"hour": hour, "accepted": accepted, "stored": stored, "dropped": dropped}


def _totals(hours: list[dict[str, Any]]) -> dict[str, Any]:
    dropped: dict[str, int] = {}
    for hour in hours:
        for reason, number in hour["dropped"].items():
            dropped[reason] = dropped.get(reason, 0) + number
    accepted, stored = (sum(hour[name] for hour in hours) for name in ("accepted", "stored"))
    in_flight = accepted - stored - sum(dropped.values())
    return {"accepted": accepted, "stored": stored, "in_flight": in_flight, "dropped": dropped}
