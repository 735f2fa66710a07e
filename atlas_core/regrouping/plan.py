"""Which issues join, which part and which keep their place, when events are grouped anew."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

Issue = int  # numbered by how much each deserves to stay: of several that join, the highest does
Target = Issue | bytes  # an issue that exists, or the digest of one that does not yet

_NOTHING: Final[Mapping[bytes, Issue]] = {}


class Cell(msgspec.Struct, frozen=True):
    """Events that are together now and will be: `fingerprint` is the id of the present one, `digest` the new one.

    `sample` is the number of one of the events, for people to look at.
    """

    issue: Issue
    fingerprint: int
    digest: bytes
    count: int
    sample: int = 0


class Plan(msgspec.Struct, frozen=True):
    """Where events go.

    `homes` has the issue of each new digest, None when it needs one of its own. `heirs` has, for each issue that loses
    all of its events, the issue that takes its place.
    """

    homes: Mapping[bytes, Issue | None]
    heirs: Mapping[Issue, Issue]

    def target(self, digest: bytes) -> Target:
        """Return where events of this digest go."""
        home = self.homes[digest]
        return digest if home is None else home


def planned(cells: Sequence[Cell], *, pinned: Mapping[bytes, Issue] = _NOTHING) -> Plan:
    """Return where the events of each new digest go.

    A fingerprint's heir is the new digest that has most of its events. An issue keeps the heirs of all of its
    fingerprints, so what people merged stays merged; what is not an heir parts from it. Issues that share an heir join,
    and the one with the highest number keeps its place.

    Args:
        cells: All events of the project, each in one cell.
        pinned: Digests whose issue is known beforehand (by undoing a change); those issues take nothing else.
    """
    heirs = _heirs(cells)
    taken = set(pinned.values())
    sets = _Sets()
    for cell in heirs:
        if cell.digest not in pinned and cell.issue not in taken:
            sets.join(cell.issue, cell.digest)
    survivors = sets.survivors()
    homes: dict[bytes, Issue | None] = {cell.digest: survivors.get(sets.root(cell.digest)) for cell in cells}
    homes.update(pinned)
    stays = taken.union(issue for issue in homes.values() if issue is not None)
    gone = (cell for cell in sorted(heirs, key=lambda cell: cell.count) if cell.issue not in stays)
    return Plan(homes, {cell.issue: home for cell in gone if (home := homes[cell.digest]) is not None})


def _heirs(cells: Iterable[Cell]) -> list[Cell]:
    """Return the largest cell of each fingerprint."""
    best: dict[int, Cell] = {}
    for cell in cells:
        known = best.get(cell.fingerprint)
        if known is None or (cell.count, cell.digest) > (known.count, known.digest):
            best[cell.fingerprint] = cell
    return list(best.values())


class _Sets:
    """Issues and digests that belong together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[Target, Target] = {}

    def root(self, member: Target) -> Target:
        """Return what stands for all that belong together with `member`."""
        parent = self._parent.setdefault(member, member)
        while parent != self._parent[parent]:
            self._parent[member] = self._parent[parent]
            member, parent = parent, self._parent[parent]
        return parent

    def join(self, one: Target, other: Target) -> None:
        """Note that two belong together."""
        self._parent[self.root(one)] = self.root(other)

    def survivors(self) -> dict[Target, Issue]:
        """Return, for each root, its highest issue."""
        best: dict[Target, Issue] = {}
        for member in list(self._parent):
            if isinstance(member, int):
                root = self.root(member)
                best[root] = max(best.get(root, member), member)
        return best
