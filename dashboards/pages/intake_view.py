"""What became of accepted events, as markup and as bars."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from dashboards.markup import clock, counted, escaped, muted
from dashboards.pages.drop_reasons import reason
from dashboards.records import IntakeHour, IntakeTotals
from dashboards.widgets.hour_bars import Series

_HOUR: Final = timedelta(hours=1)
_WAITING: Final = "Accepted, and waiting for the issue service."


def account_html(totals: IntakeTotals) -> str:
    """Return the account of a window: accepted = stored + dropped + in flight, and what does not add up."""
    dropped = sum(totals.dropped.values())
    terms = [
        ("=", "stored", totals.stored, "Counted in an issue."),
        ("+", "dropped", dropped, "Accepted and not kept; each reason is below."),
        ("+", "in flight", totals.in_flight, _WAITING),
    ]
    missing = totals.accepted - totals.stored - dropped - totals.in_flight
    if missing:
        terms.append(("+" if missing > 0 else "-", "unaccounted", abs(missing), "The counts do not add up."))
    tiles = "".join(
        f'<span class="atlas-sign">{sign}</span><span class="atlas-figure" data-figure="{name}" title="{why}">'
        f"<b>{number:,}</b><span>{name}</span></span>"
        for sign, name, number, why in [("", "accepted", totals.accepted, "Answered with 202, on disk."), *terms]
    )
    return f'<div class="atlas-account" role="group" aria-label="The account">{tiles}</div>{_verdict(totals)}'


def _verdict(totals: IntakeTotals) -> str:
    dropped = sum(totals.dropped.values())
    if not totals.accepted:
        return muted("No event arrived in this window.")
    if not dropped:
        return '<p data-verdict="kept">Nothing was dropped.</p>'
    share = _share(dropped, totals.accepted)
    worst = escaped(reason(max(totals.dropped, key=lambda word: totals.dropped[word])).name)
    return f'<p data-verdict="dropped">{counted(dropped, "event")} ({share}) dropped, most by {worst}.</p>'


def reasons_html(totals: IntakeTotals) -> str:
    """Return a table of what was dropped, why, and what to do about it."""
    by_size = sorted(totals.dropped.items(), key=lambda item: -item[1])
    rows = "".join(_reason_row(word, number, totals.accepted) for word, number in by_size if number)
    if not rows:
        return muted("Nothing: every event that was accepted is stored, or will be in a moment.")
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Dropped by", "Events", "What happened", "What to do"))
    return f'<table class="atlas-reasons"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _share(number: int, of: int) -> str:
    percent = 100 * number / max(of, number, 1)
    return "under 0.1 %" if percent < 0.1 else f"{percent:.1f} %"  # noqa: PLR2004 - what one decimal can show


def _reason_row(word: str, number: int, accepted: int) -> str:
    known = reason(word)
    return (
        f'<tr data-reason="{escaped(word)}"><th scope="row"><span class="atlas-swatch atlas-tone-{known.tone}"></span>'
        f"{escaped(known.name)}</th><td><b>{number:,}</b> <small>{_share(number, accepted)}</small></td>"
        f"<td>{escaped(known.what)}</td><td>{escaped(known.advice)}</td></tr>"
    )


def every_hour(hours: list[IntakeHour], window_h: int, now: datetime) -> list[IntakeHour]:
    """Return an entry for each hour of the window that ends now, oldest first; empty ones for those not given."""
    known = {datetime.fromisoformat(hour.hour).astimezone(UTC): hour for hour in hours}
    last = max([now.replace(minute=0, second=0, microsecond=0), *known])
    wanted = [last - _HOUR * back for back in range(window_h - 1, -1, -1)]
    return [known.get(at) or IntakeHour(at.isoformat()) for at in wanted]


def series(hours: list[IntakeHour]) -> list[Series]:
    """Return the bars: stored at the bottom, then each reason, most events first, then what is in flight."""
    sums: dict[str, int] = {}
    for hour in hours:
        for word, number in hour.dropped.items():
            sums[word] = sums.get(word, 0) + number
    words = sorted((word for word in sums if sums[word]), key=lambda word: -sums[word])
    dropped = [
        Series(f"dropped by {reason(word).name}", reason(word).tone, [hour.dropped.get(word, 0) for hour in hours])
        for word in words
    ]
    waiting = [max(0, hour.accepted - hour.stored - sum(hour.dropped.values())) for hour in hours]
    in_flight = [Series("in flight", "waiting", waiting)] if any(waiting) else []
    return [Series("stored", "stored", [hour.stored for hour in hours]), *dropped, *in_flight]


def hours_html(hours: list[IntakeHour]) -> str:
    """Return the figures behind the bars as a table, newest hour first; hours without events are left out."""
    words = sorted({word for hour in hours for word in hour.dropped})
    names = ["Hour", "Accepted", "Stored", *(reason(word).name for word in words)]
    heads = "".join(f'<th scope="col">{escaped(name)}</th>' for name in names)
    rows = "".join(_hour_row(hour, words, hour.dropped) for hour in reversed(hours) if hour.accepted)
    return (
        '<details class="atlas-raw"><summary>As a table</summary><div class="atlas-scroll" tabindex="0">'
        f'<table class="atlas-small"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>'
    )


def _hour_row(hour: IntakeHour, words: list[str], dropped: Mapping[str, int]) -> str:
    numbers = [hour.accepted, hour.stored, *(dropped.get(word, 0) for word in words)]
    return f"<tr><td>{clock(hour.hour)}</td>{''.join(f'<td>{number:,}</td>' for number in numbers)}</tr>"
