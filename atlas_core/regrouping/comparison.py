"""A change of grouping as people see it: what merges, what splits, what stays."""

from collections.abc import Iterable, Sequence

import msgspec

from atlas_core.regrouping.plan import Cell, Issue, Plan, Target


class Part(msgspec.Struct):
    """Events of one issue that go to one place; `sample` is the number of one of them."""

    issue: Issue
    target: Target
    count: int
    sample: int


class Comparison(msgspec.Struct, frozen=True):
    """The issues before and after.

    `merges` has the parts of each issue-to-be that gets events of more than one issue, `splits` those of each issue
    whose events part; both with the most events first. An issue can be in both. `discarded_stored_again` counts the
    discarded issues that have events which go where what arrives is kept.
    """

    events: int
    issues_before: int
    issues_after: int
    unaffected: int
    discarded_stored_again: int
    merges: Sequence[Sequence[Part]]
    splits: Sequence[Sequence[Part]]


def compared(cells: Sequence[Cell], plan: Plan) -> Comparison:
    """Return what the plan does to the issues that have these events."""
    parts: dict[tuple[Issue, Target], Part] = {}
    for cell in cells:
        target = plan.target(cell.digest)
        part = parts.setdefault((cell.issue, target), Part(cell.issue, target, 0, cell.sample))
        part.count += cell.count
    by_issue: dict[Issue, list[Part]] = {}
    by_target: dict[Target, list[Part]] = {}
    for part in sorted(parts.values(), key=lambda part: -part.count):
        by_issue.setdefault(part.issue, []).append(part)
        by_target.setdefault(part.target, []).append(part)
    return Comparison(
        events=sum(cell.count for cell in cells),
        issues_before=len(by_issue),
        issues_after=len(by_target),
        unaffected=sum(len(of) == 1 and len(by_target[of[0].target]) == 1 for of in by_issue.values()),
        discarded_stored_again=sum(
            issue in plan.discarded and any(part.target not in plan.discarded for part in of)
            for issue, of in by_issue.items()
        ),
        merges=_several(by_target.values()),
        splits=_several(by_issue.values()),
    )


def _several(groups: Iterable[list[Part]]) -> list[list[Part]]:
    return sorted((of for of in groups if len(of) > 1), key=lambda of: -sum(part.count for part in of))
