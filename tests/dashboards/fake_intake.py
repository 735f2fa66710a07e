"""An hourly balance as the issue service answers it; a flood in the fifth hour before now."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]


def an_intake(query: str, *, sent: bool = True) -> Json:
    """The balance of the last `hours` of the query, newest hour first."""
    window_h = int(parse_qs(query)["hours"][0])
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return {"hours": [_hour(now - timedelta(hours=back), back, sent=sent) for back in range(window_h)]}


def sums(intake: Json) -> Json:
    """The sums of its hours."""
    hours = intake["hours"]
    by_name: Json = {name: sum(hour[name] for hour in hours) for name in ("accepted", "stored", "in_flight")}
    return by_name | {name: sum((Counter(hour[name]) for hour in hours), Counter()) for name in ("dropped", "refused")}


def _hour(at: datetime, back: int, *, sent: bool) -> Json:
    stored = (300 + 120 * (back % 24 > 8) + 37 * (back % 7)) * sent
    dropped = {"discarded": 40} if back % 3 == 0 and sent else {}
    refused: Json = {"not_an_event": 4} if sent else {}
    if back == 5 and sent:
        dropped = {"discarded": 12, "repeated": 9, "<i>new</i>": 3}
        refused = {"spike": 2_410, "rate_limit": 70}
    in_flight = 25 * (back == 0) * sent
    return {
        "hour": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "accepted": stored + in_flight + sum(dropped.values()),
        "stored": stored,
        "in_flight": in_flight,
        "dropped": dropped,
        "refused": refused,
        "in_flight_is_known": True,
    }
