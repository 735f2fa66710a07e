"""How well groups agree with the truth, as the literature on log parsing measures it.

Source: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE 2019 (grouping accuracy); Jiang et al.,
"A Large-Scale Evaluation for Log Parsing Techniques", ISSTA 2024 (F1 over groups).
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Scores(NamedTuple):
    """Agreement of groups with the truth; ratios from 0 to 1.

    `accuracy` is the share of messages whose whole group is exactly a true one, `f1` the F1 over groups, `precision`
    the share of pairs in one group that truly belong together, `merged` the number of groups that hold more than one
    true group.
    """

    accuracy: float
    f1: float
    precision: float
    merged: int
    groups: int
    true_groups: int


def scores(found: Sequence[Hashable], truth: Sequence[Hashable]) -> Scores:
    """Return the scores of `found`, the group of each message, against its true group."""
    groups, true_groups = _members(found), _members(truth)
    exact = set(map(frozenset, groups.values())) & set(map(frozenset, true_groups.values()))
    pairs = sum(_pairs(len(members)) for members in groups.values())
    kinds = [Counter(truth[n] for n in members) for members in groups.values()]
    right = sum(_pairs(count) for kind in kinds for count in kind.values())
    return Scores(
        accuracy=sum(map(len, exact)) / len(found),
        f1=2 * len(exact) / (len(groups) + len(true_groups)),
        precision=right / pairs if pairs else 1.0,
        merged=sum(len(kind) > 1 for kind in kinds),
        groups=len(groups),
        true_groups=len(true_groups),
    )


def _members(labels: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for n, label in enumerate(labels):
        members[label].append(n)
    return members


def _pairs(count: int) -> int:
    return count * (count - 1) // 2
