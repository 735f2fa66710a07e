"""What people and events did to an issue, and where it stands, in words."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from atlas_core.actions import UNDOABLE
from dashboards.markup import clock, counted, escaped, moment
from dashboards.records import Activity, Issue, Member

Detail = Mapping[str, Any]

GONE: Final = "somebody who left"
_PLAIN: Final = {
    "opened": "reopened it",
    "unassigned": "took the assignee away",
    "discarded": "discarded it",
    "undone": "undid an action",
    "commented": "commented",
    "unmerged": "took merged issues apart",
    "regrouping_undone": "undid a change of the grouping",
}
_PASSED_OVER: Final = frozenset({"commented", "undone"})


def told(entry: Activity, members: Mapping[str, str]) -> str:
    """Return one line of history as markup; `members` are emails by id."""
    who = f"<b>{escaped(entry.user.email or GONE)}</b> " if entry.user else ""
    comment = entry.detail.get("text") if entry.kind == "commented" else None
    said = f'<p class="atlas-prose atlas-comment">{escaped(comment)}</p>' if comment else ""
    undone = ' <span class="atlas-muted">(undone)</span>' if entry.undone else ""
    kind = "events" if entry.user is None else "person"
    return (
        f'<li data-kind="{escaped(entry.kind)}" data-by="{kind}">{who}{_deed(entry, members)}{undone} '
        f"<small>{moment(entry.at)}</small>{said}</li>"
    )


def standing(issue: Issue) -> str:
    """Return what would change the issue's status, as markup; nothing when only people can."""
    if issue.discarded_at:
        return f"discarded {moment(issue.discarded_at)}: its events are dropped on arrival, until that is undone"
    if issue.status == "resolved" and issue.resolved_in:
        after = "after" if issue.resolved_in_next else "in"
        return f"resolved {after} {_bold(issue.resolved_in)}: events of older releases do not reopen it"
    if issue.status == "ignored":
        return f"ignored {_limits(issue.ignored_until, issue.ignored_until_count, issue.ignored_until_users)}"
    if issue.is_regressed:
        return f"came back {moment(issue.regressed_at)} after it was resolved"
    return f"came back {moment(issue.returned_at)} after it was ignored" if issue.returned_at else ""


def undoable(activity: Iterable[Activity]) -> Activity | None:
    """Return the newest action if it can be undone: an edit that nothing but comments came after.

    Args:
        activity: The issue's history, newest first.
    """
    counts = (entry for entry in activity if not entry.undone and entry.kind not in _PASSED_OVER)
    last = next(counts, None)
    return last if last and last.user and last.kind in UNDOABLE else None


def stored_again(activity: Iterable[Activity]) -> int:
    """Return how many discarded issues came into the issue by changes of the grouping that nobody has undone.

    Args:
        activity: The issue's history, newest first.
    """
    undone: set[str] = set()
    issues = 0
    for entry in activity:
        if entry.kind == "regrouping_undone":
            undone.add(entry.action_id)
        elif entry.kind == "regrouped" and entry.action_id not in undone:
            issues += _discards(entry.detail)
    return issues


def emails(members: Iterable[Member]) -> dict[str, str]:
    """Return the members' emails by id."""
    return {member.id: member.email for member in members}


def _deed(entry: Activity, members: Mapping[str, str]) -> str:
    told = _DEEDS.get(entry.kind)
    return told(entry.detail, members) if told else _PLAIN.get(entry.kind) or escaped(entry.kind.replace("_", " "))


def _resolved(detail: Detail, _members: Mapping[str, str]) -> str:
    after = "after" if detail.get("resolved_in_next") else "in"
    return f"resolved it {after} {_bold(detail['resolved_in'])}" if detail.get("resolved_in") else "resolved it"


def _ignored(detail: Detail, _members: Mapping[str, str]) -> str:
    return f"ignored it {_limits(*(detail.get(f'ignored_{name}') for name in ('until', 'until_count', 'until_users')))}"


def _assigned(detail: Detail, members: Mapping[str, str]) -> str:
    return f"assigned it to {_bold(members.get(str(detail.get('assignee_id')), GONE))}"


def _prioritized(detail: Detail, _members: Mapping[str, str]) -> str:
    return f"set the priority to {_bold(detail.get('priority'))}"


def _came_back(detail: Detail, _members: Mapping[str, str]) -> str:
    return f"It came back after it was resolved{_in_release(detail)}"


def _ignore_ended(detail: Detail, _members: Mapping[str, str]) -> str:
    return f"It is open again: the ignore has ended{_in_release(detail)}"


def _merged(detail: Detail, _members: Mapping[str, str]) -> str:
    if "into" in detail:
        return "merged it into another issue"
    titles = ", ".join(_bold(issue.get("title", "?")) for issue in detail.get("issues", ()) if isinstance(issue, dict))
    return f"merged {titles or 'other issues'} into it"


def _regrouped(detail: Detail, _members: Mapping[str, str]) -> str:
    if "merged_into" in detail:
        return "changed the grouping: it is part of another issue"
    again = _discards(detail)
    told = f"; {counted(again, 'discarded issue')} came into it, whose events are stored again" if again else ""
    return f"changed the grouping of its events{told}"


def _discards(detail: Detail) -> int:
    found = detail.get("merged_discarded")
    return found if isinstance(found, int) else 0


_DEEDS: Final[Mapping[str, Callable[[Detail, Mapping[str, str]], str]]] = {
    "resolved": _resolved,
    "ignored": _ignored,
    "assigned": _assigned,
    "prioritized": _prioritized,
    "regressed": _came_back,
    "ignore_ended": _ignore_ended,
    "merged": _merged,
    "regrouped": _regrouped,
}


def _bold(text: object) -> str:
    return f"<b>{escaped(text)}</b>"


def _in_release(detail: Detail) -> str:
    return f" in {_bold(detail['release'])}" if detail.get("release") else ""


def _limits(until: object, count: object, users: object) -> str:
    ends = [
        f"until {clock(str(until))}" if until else "",
        f"until it has {counted(int(str(count)), 'event')}" if count else "",
        f"until {counted(int(str(users)), 'user')} met it" if users else "",
    ]
    return " or ".join(end for end in ends if end) or "for ever"
