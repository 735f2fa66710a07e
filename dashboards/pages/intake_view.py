"""What became of all that was sent, as markup and as bars."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from dashboards.markup import clock, counted, escaped, moment, muted, there
from dashboards.pages.loss_reasons import reason
from dashboards.records import Audited, IntakeHour
from dashboards.widgets.hour_bars import Series

FIGURES: Final = {
    "accepted": "Answered with success, and on stable storage.",
    "stored": "Counted in an issue.",
    "dropped": "Accepted and not kept; each reason is below.",
    "in flight": "Accepted, and about to be stored.",
    "refused": "Requests that were not accepted; each reason is below.",
}


class Balance(NamedTuple):
    """The sums of a window."""

    accepted: int
    stored: int
    in_flight: int
    dropped: Counter[str]
    refused: Counter[str]
    in_flight_is_known: bool = True

    @classmethod
    def of(cls, hours: Sequence[IntakeHour]) -> "Balance":
        """Return the sums of these hours."""
        dropped: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        for hour in hours:
            dropped.update(hour.dropped)
            refused.update(hour.refused)
        accepted, stored = sum(hour.accepted for hour in hours), sum(hour.stored for hour in hours)
        in_flight, is_known = sum(hour.in_flight for hour in hours), all(hour.in_flight_is_known for hour in hours)
        return cls(accepted, stored, in_flight, dropped, refused, is_known)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent."""
        return not self.accepted and not self.refused.total()


def account_html(balance: Balance) -> str:
    """Return the account of a window: accepted = stored + dropped + in flight; what was refused; the verdict."""
    terms = [
        ("", "accepted", balance.accepted),
        ("=", "stored", balance.stored),
        ("+", "dropped", balance.dropped.total()),
        ("+", "in flight", balance.in_flight),
    ]
    missing = balance.accepted - balance.stored - balance.dropped.total() - balance.in_flight
    if missing:
        terms.append(("+" if missing > 0 else "-", "unaccounted", abs(missing)))
    figures = "".join(f'<span class="atlas-sign">{sign}</span>{_figure(name, number)}' for sign, name, number in terms)
    apart = f'<span class="atlas-apart">{_figure("refused", balance.refused.total())}</span>'
    return f'<div class="atlas-account" role="group" aria-label="The account">{figures}{apart}</div>{_verdict(balance)}'


def _figure(name: str, number: int) -> str:
    why = FIGURES.get(name, "The counts do not add up.")
    return f'<span class="atlas-figure" data-figure="{name}" title="{why}"><b>{number:,}</b><span>{name}</span></span>'


def _verdict(balance: Balance) -> str:
    if balance.is_empty:
        return muted("Nothing was sent in this window.")
    sent = balance.accepted + balance.refused.total()
    lines = [
        _lost("event", balance.dropped, balance.accepted, "dropped", "."),
        _lost("request", balance.refused, sent, "refused", ": lost, unless clients send again."),
    ]
    said = "".join(f'<p data-verdict="lost">{line}</p>' for line in lines if line)
    if not balance.in_flight_is_known:
        said += '<p data-verdict="unknown">The event log does not answer: what came twice is shown as in flight.</p>'
    return said or '<p data-verdict="kept">Nothing was lost.</p>'


def _lost(noun: str, counts: Counter[str], of: int, verb: str, end: str) -> str:
    losses = Counter({word: number for word, number in counts.items() if reason(word).is_loss})
    if not losses.total():
        return ""
    worst = escaped(reason(losses.most_common(1)[0][0]).name)
    share = _share(losses.total(), of)
    return f"{counted(losses.total(), noun)} ({share}) {verb}, most by {worst}{end}"


def _share(number: int, of: int) -> str:
    percent = 100 * number / max(of, number, 1)
    return "under 0.1 %" if percent < 0.1 else f"{percent:.1f} %"  # noqa: PLR2004 - what one decimal can show


def reasons_html(balance: Balance) -> str:
    """Return a table of what was refused and dropped, why, and what to do about it."""
    groups = (("refused", "request", balance.refused), ("dropped", "event", balance.dropped))
    rows = "".join(
        _reason_row(verb, noun, word, number)
        for verb, noun, counts in groups
        for word, number in counts.most_common()
        if number
    )
    if not rows:
        return muted("Nothing: all that was accepted is stored, or will be in a moment.")
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Why", "How many", "What happened", "What to do"))
    return f'<table class="atlas-reasons"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _reason_row(verb: str, noun: str, word: str, number: int) -> str:
    known = reason(word)
    counts = f"{known.noun or noun}{'' if number == 1 else 's'}"
    return (
        f'<tr data-reason="{escaped(word)}"><th scope="row"><span class="atlas-swatch atlas-tone-{known.tone}"></span>'
        f"{escaped(known.name)}</th><td><b>{number:,}</b> <small>{counts} {verb}</small></td>"
        f"<td>{escaped(known.what)}</td><td>{escaped(known.advice)}</td></tr>"
    )


def discarded_html(project_id: str, audit: Sequence[Audited]) -> str:
    """Return the issues that are discarded now, each a link to where that is undone; `audit` is newest first."""
    last: dict[str, Audited] = {}
    for line in audit:
        last.setdefault(str(line.detail.get("issue_id")), line)
    lines = "".join(
        f'<li><a href="{there("/issues", {"project": project_id, "issue": issue_id})}">'
        f"{escaped(line.detail.get('title', issue_id))}</a> "
        f"<small>by {escaped((line.user and line.user.email) or 'somebody who left')}, {moment(line.at)}</small></li>"
        for issue_id, line in last.items()
        if line.action == "discarded"
    )
    return f'<h3>Discarded now</h3><ul class="atlas-lines">{lines}</ul>' if lines else ""


def series(hours: Sequence[IntakeHour]) -> list[Series]:
    """Return the bars: stored at the bottom, then in flight, then what was dropped and refused, most of it first."""
    balance = Balance.of(hours)
    waiting = [Series("in flight", "waiting", [hour.in_flight for hour in hours])] if balance.in_flight else []
    dropped = [_of("dropped", word, [hour.dropped.get(word, 0) for hour in hours]) for word in _words(balance.dropped)]
    refused = [_of("refused", word, [hour.refused.get(word, 0) for hour in hours]) for word in _words(balance.refused)]
    return [Series("stored", "stored", [hour.stored for hour in hours]), *waiting, *dropped, *refused]


def _words(counts: Counter[str]) -> list[str]:
    return [word for word, number in counts.most_common() if number]


def _of(verb: str, word: str, values: list[int]) -> Series:
    return Series(f"{verb}: {reason(word).name}", reason(word).tone, values)


def hours_html(hours: Sequence[IntakeHour]) -> str:
    """Return the figures behind the bars as a table, newest hour first; hours without any are left out."""
    columns = series(hours)
    heads = "".join(f'<th scope="col">{escaped(name)}</th>' for name in ("Hour", *(one.label for one in columns)))
    figures = zip(*(one.values for one in columns), strict=True)
    rows = "".join(
        f"<tr><td>{clock(hour.hour)}</td>{''.join(f'<td>{number:,}</td>' for number in numbers)}</tr>"
        for hour, numbers in reversed(list(zip(hours, figures, strict=True)))
        if any(numbers)
    )
    return (
        '<details class="atlas-raw"><summary>As a table</summary><div class="atlas-scroll" tabindex="0">'
        f'<table class="atlas-small"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>'
    )
