"""How an issue's standing changes when events arrive. What people may do to it is in actions.py."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from atlas_core.issues import Status

_VERSION: Final = re.compile(r"(?:[^@]*@)?v?(\d{1,9}(?:\.\d{1,9}){0,5})([-+].*)?")
_PARTS: Final = 6

Newer = Callable[[str, str], bool]


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an issue stands, and what would change that.

    `resolved_in` is the release with the fix; with `resolved_in_next` it is the last one without. The three `ignored_*`
    limits end an ignore: a time, a total count, a number of users. An open issue that events brought back says since
    when: `regressed_at` after a resolution, `returned_at` after an ignore.
    """

    status: Status
    episode: int
    resolved_in: str | None = None
    resolved_in_next: bool = False
    resolved_at: datetime | None = None
    regressed_at: datetime | None = None
    returned_at: datetime | None = None
    ignored_until: datetime | None = None
    ignored_until_count: int | None = None
    ignored_until_users: int | None = None


class Arrival(msgspec.Struct, frozen=True):
    """Events of one issue that arrived together: their times and releases, and its totals with them."""

    events: Sequence[tuple[datetime, str | None]]
    count: int
    users: int


def after_arrival(standing: Standing, arrival: Arrival, newer: Newer) -> Standing:
    """Return where the issue stands once the events are counted; the same standing when they change nothing.

    A resolved issue regresses, which begins an episode, when one of the events came after it was resolved from a
    release that should have the fix; an event without a release is taken to have it. An ignored issue is open again
    when one of its limits is reached.

    Args:
        standing: Where it stood.
        arrival: What arrived.
        newer: Tells whether its first release came after its second one.
    """
    if standing.status is Status.RESOLVED:
        times = [at for at, release in arrival.events if _regresses(standing, at, release, newer)]
        if times:
            return Standing(status=Status.OPEN, episode=standing.episode + 1, regressed_at=min(times))
    if standing.status is Status.IGNORED and _ignored_enough(standing, arrival):
        returned_at = max(at for at, _ in arrival.events)
        return Standing(status=Status.OPEN, episode=standing.episode, returned_at=returned_at)
    return standing


def version_of(release: str) -> tuple[int, ...] | None:
    """Return the numbers of a release like `shop@1.4.0` or `v2.1`, to be compared; None for a hash or a word.

    A pre-release (`1.4.0-rc1`) comes before its release; pre-releases of one version are equal.
    """
    found = _VERSION.fullmatch(release.strip())
    if found is None or "." not in found[1]:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    is_final = not (found[2] or "").startswith("-")
    return (*numbers, *[0] * (_PARTS - len(numbers)), int(is_final))


def newer_by(first_seen: Callable[[str], datetime | None]) -> Newer:
    """Return what compares releases: by version where both have one, else by when each was first seen."""

    def newer(release: str, than: str) -> bool:
        versions = version_of(release), version_of(than)
        if versions[0] is not None and versions[1] is not None:
            return versions[0] > versions[1]
        seen, other = first_seen(release), first_seen(than)
        # A release that was never seen is yet to come.
        return other is not None and release != than and (seen is None or seen > other)

    return newer


def newest(first_seen: Mapping[str, datetime]) -> str | None:
    """Return the release that came last, of those with the times they were first seen; None when there is none."""
    newer = newer_by(first_seen.get)
    last: str | None = None
    for release in sorted(first_seen, key=lambda name: (first_seen[name], name)):
        if last is None or newer(release, last):
            last = release
    return last


def _regresses(standing: Standing, at: datetime, release: str | None, newer: Newer) -> bool:
    if standing.resolved_at is not None and at <= standing.resolved_at:
        return False
    if standing.resolved_in is None or release is None:
        return True
    if standing.resolved_in_next:
        return newer(release, standing.resolved_in)
    return not newer(standing.resolved_in, release)


def _ignored_enough(standing: Standing, arrival: Arrival) -> bool:
    last = max(at for at, _ in arrival.events)
    return (
        (standing.ignored_until is not None and last >= standing.ignored_until)
        or (standing.ignored_until_count is not None and arrival.count >= standing.ignored_until_count)
        or (standing.ignored_until_users is not None and arrival.users >= standing.ignored_until_users)
    )
