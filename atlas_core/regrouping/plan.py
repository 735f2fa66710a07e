"""Which issues join, which part and which keep their place, when events are grouped anew."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    all of its events, the issue that takes its place. What is `discarded` drops what arrives: issues that people
    discarded, and digests that need an issue of their own but have only events of such.
    """

    homes: Mapping[bytes, Issue | None]
    heirs: Mapping[Issue, Issue]
    discarded: AbstractSet[Target] = frozenset()

    def target(self, digest: bytes) -> Target:
        """Return where events of this digest go."""
        home = self.homes[digest]
        return digest if home is None else home


def planned(
    cells: Sequence[Cell], *, pinned: Mapping[bytes, Issue] = _NOTHING, discarded: AbstractSet[Issue] = frozenset()
) -> Plan:
    """Return where the events of each new digest go.

    A fingerprint's heir is the new digest that has most of its events. An issue keeps the heirs of all of its
    fingerprints, so what people merged stays merged; what is not an heir parts from it. Issues that share an heir join,
    and the one with the highest number keeps its place. So does one that would lose a part to a discarded issue.

    Args:
        cells: All events of the project, each in one cell.
        pinned: Digests whose issue is known beforehand (by undoing a change); those issues take nothing else.
        discarded: Issues that people discarded, lower in number than all others.
    """
    heirs = _heirs(cells)
    taken = set(pinned.values())
    sets = _Sets()
    for cell in heirs:
        if cell.digest not in pinned and cell.issue not in taken:
            sets.join(cell.issue, cell.digest)
    wanted = [cell for cell in cells if cell.issue not in discarded] if discarded else cells
    if discarded:
        loose = (cell for cell in wanted if cell.digest not in pinned and cell.issue not in taken)
        sets.rescue(loose, discarded)
    survivors = sets.survivors()
    homes: dict[bytes, Issue | None] = {cell.digest: survivors.get(sets.root(cell.digest)) for cell in cells}
    homes.update(pinned)
    stays = taken.union(issue for issue in homes.values() if issue is not None)
    gone = (cell for cell in sorted(heirs, key=lambda cell: cell.count) if cell.issue not in stays)
    dropped = {digest for digest, home in homes.items() if home is None} - {cell.digest for cell in wanted}
    successors = {cell.issue: home for cell in gone if (home := homes[cell.digest]) is not None}
    return Plan(homes, successors, discarded | dropped)


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

    def rescue(self, cells: Iterable[Cell], discarded: AbstractSet[Issue]) -> None:
        """Have digests of these cells that would go to a discarded issue go to that of the largest cell."""
        survivors = self.survivors()
        for cell in sorted(cells, key=lambda cell: (-cell.count, -cell.issue)):
            if survivors.get(self.root(cell.digest)) in discarded:
                self.join(cell.digest, cell.issue)

    def survivors(self) -> dict[Target, Issue]:
        """Return, for each root, its highest issue."""
        best: dict[Target, Issue] = {}
        for member in list(self._parent):
            if isinstance(member, int):
                root = self.root(member)
                best[root] = max(best.get(root, member), member)
        return best
