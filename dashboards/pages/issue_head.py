"""An issue's title and numbers, and its latest events, as markup."""

from collections.abc import Mapping

from dashboards.issue_words import GONE, standing
from dashboards.markup import escaped, here, moment, muted, pill
from dashboards.records import Issue, RecentEvent


def head_html(issue: Issue, members: Mapping[str, str]) -> str:
    """Return the title of an issue, where it stands and its numbers; `members` are emails by id."""
    status = "regressed" if issue.is_regressed else issue.status
    pills = [issue.level, "discarded" if issue.discarded_at else status]
    pills += [f"{issue.priority} priority"] if issue.priority != "medium" else []
    culprit = f'<p class="atlas-culprit atlas-mono">{escaped(issue.culprit)}</p>' if issue.culprit else ""
    stands = standing(issue)
    return (
        f'<h2 class="atlas-name" data-issue="{escaped(issue.id)}" data-status="{escaped(issue.status)}">'
        f"{escaped(issue.title)}</h2>{culprit}"
        f'<p class="atlas-facts">{" ".join(map(pill, pills))}{f" <span>{stands}</span>" if stands else ""}</p>'
        f'<dl class="atlas-numbers">{_numbers(issue, members)}</dl>'
    )


def _numbers(issue: Issue, members: Mapping[str, str]) -> str:
    assignee = members.get(issue.assignee_id, GONE) if issue.assignee_id else "nobody"
    pairs = {
        "Events": f"<b>{issue.count:,}</b>",
        "Users": f"<b>{issue.users:,}</b>",
        "First seen": moment(issue.first_seen) + _release(issue.first_release),
        "Last seen": moment(issue.last_seen) + _release(issue.last_release),
        "Assignee": escaped(assignee),
    }
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs.items())


def _release(release: str | None) -> str:
    return f' <span class="atlas-muted">in {escaped(release)}</span>' if release else ""


def events_html(issue: Issue, events: list[RecentEvent]) -> str:
    """Return the latest events as a small table; each leads to its event."""
    if not events:
        return muted("The events of this issue are no longer kept.")
    rows = "".join(
        f"<tr><td>{moment(event.timestamp or event.received_at)}</td><td>{pill(event.level)}</td>"
        f"<td>{escaped(event.environment or '-')}</td><td>{escaped(event.release or '-')}</td>"
        f'<td class="atlas-mono">{_link(issue, event.event_id)}</td></tr>'
        for event in events
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("When", "Level", "Environment", "Release", "Event"))
    return f'<div class="atlas-scroll"><table class="atlas-small"><tr>{heads}</tr>{rows}</table></div>'


def _link(issue: Issue, event_id: str) -> str:
    where = here({"project": issue.project_id, "issue": issue.id, "event": event_id})
    return f'<a href="{where}" title="{escaped(event_id)}">{escaped(event_id[:8])}</a>'
