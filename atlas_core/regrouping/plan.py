"""Which issues join, which part and which keep their place, when events are grouped anew."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

Target = UUID | bytes  # an issue that exists, or the digest of one that does not yet

_NOTHING: Final[Mapping[bytes, UUID]] = {}


class Cell(msgspec.Struct, frozen=True):
    """Events that are together now and will be: `fingerprint` is the id of the present one, `digest` the new one.

    `sample` is the number of one of the events, for people to look at.
    """

    issue: UUID
    fingerprint: int
    digest: bytes
    count: int
    sample: int = 0


class Plan(msgspec.Struct, frozen=True):
    """Where events go.

    `homes` has the issue of each new digest, None when it needs one of its own. `heirs` has, for each issue that loses
    all of its events, the issue that takes its place.
    """

    homes: Mapping[bytes, UUID | None]
    heirs: Mapping[UUID, UUID]

    def target(self, digest: bytes) -> Target:
        """Return where events of this digest go."""
        return self.homes[digest] or digest


def planned(cells: Sequence[Cell], rank: Callable[[UUID], Any], *, pinned: Mapping[bytes, UUID] = _NOTHING) -> Plan:
    """Return where the events of each new digest go.

    A fingerprint's heir is the new digest that has most of its events. An issue keeps the heirs of all of its
    fingerprints, so what people merged stays merged; what is not an heir parts from it. Issues that share an heir join,
    and the one that ranks highest keeps its place.

    Args:
        cells: All events of the project, each in one cell.
        rank: How much an issue deserves to stay, when several join.
        pinned: Digests whose issue is known beforehand (by undoing a change); those issues take nothing else.
    """
    heir_of = _heirs(cells)
    taken = set(pinned.values())
    sets = _Sets()
    for (issue, _), digest in heir_of.items():
        if digest not in pinned and issue not in taken:
            sets.join(issue, digest)
    survivors = sets.survivors(rank)
    homes = {
        cell.digest: pinned.get(cell.digest) or (survivors[sets.root(cell.digest)] if cell.digest in sets else None)
        for cell in cells
    }
    stays = taken | {issue for issue in homes.values() if issue is not None}
    heirs: dict[UUID, UUID] = {}
    for issue, digest in _largest(cells, heir_of).items():
        home = homes[digest]
        if issue not in stays and home is not None:
            heirs[issue] = home
    return Plan(homes, heirs)


def _heirs(cells: Iterable[Cell]) -> dict[tuple[UUID, int], bytes]:
    best: dict[tuple[UUID, int], Cell] = {}
    for cell in cells:
        known = best.get((cell.issue, cell.fingerprint))
        if known is None or (cell.count, cell.digest) > (known.count, known.digest):
            best[cell.issue, cell.fingerprint] = cell
    return {key: cell.digest for key, cell in best.items()}


def _largest(cells: Iterable[Cell], heir_of: Mapping[tuple[UUID, int], bytes]) -> dict[UUID, bytes]:
    """Return the heir that has most of each issue's events."""
    counts: defaultdict[UUID, defaultdict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for cell in cells:
        if heir_of[cell.issue, cell.fingerprint] == cell.digest:
            counts[cell.issue][cell.digest] += cell.count
    return {issue: max(of.items(), key=lambda item: (item[1], item[0]))[0] for issue, of in counts.items()}


class _Sets:
    """Issues and digests that belong together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[Target, Target] = {}

    def __contains__(self, member: Target) -> bool:
        return member in self._parent

    def root(self, member: Target) -> Target:
        """Return what stands for all that belong together with `member`."""
        parent = self._parent.setdefault(member, member)
        while parent != self._parent[parent]:
            self._parent[member] = self._parent[parent]
            member, parent = parent, self._parent[parent]
        return parent

    def join(self, one: Target, other: Target) -> None:
        """Note that two belong together."""
        self._parent[self.root(other)] = self.root(one)

    def survivors(self, rank: Callable[[UUID], Any]) -> dict[Target, UUID]:
        """Return, for each root, the issue that ranks highest."""
        best: dict[Target, UUID] = {}
        for member in list(self._parent):
            if isinstance(member, UUID):
                root = self.root(member)
                best[root] = max(best.get(root, member), member, key=rank)
        return best
