"""How an issue's standing changes when events arrive. What people may do to it is in actions.py."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from atlas_core.issues import Status

_RELEASE: Final = re.compile(r"(?:(@?[^@]+)@)?(.*)", re.DOTALL)
_VERSION: Final = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,5})([-+].*)?")
_PARTS: Final = 6

FirstSeen = Callable[[str], datetime | None]
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


def after_arrival(standing: Standing, arrival: Arrival, first_seen: FirstSeen) -> Standing:
    """Return where the issue stands once the events are counted; the same standing when they change nothing.

    A resolved issue regresses, which begins an episode, when one of the events came after it was resolved from a
    release that should have the fix; an event without a release is taken to have it. An ignored issue is open again
    when one of its limits is reached.

    Args:
        standing: Where it stood.
        arrival: What arrived.
        first_seen: Tells when a release was first seen, those of what arrived too; None for one that never was.
    """
    if standing.status is Status.RESOLVED:
        newer = newer_by(first_seen, standing.resolved_at if standing.resolved_in_next else None)
        times = [at for at, release in arrival.events if _regresses(standing, at, release, newer)]
        if times:
            return Standing(status=Status.OPEN, episode=standing.episode + 1, regressed_at=min(times))
    if standing.status is Status.IGNORED and _ignored_enough(standing, arrival):
        returned_at = max(at for at, _ in arrival.events)
        return Standing(status=Status.OPEN, episode=standing.episode, returned_at=returned_at)
    return standing


def package_of(release: str) -> str:
    """Return what stands before the `@` of a release like `shop@1.4.0`; empty when there is none."""
    found = _RELEASE.fullmatch(release.strip())
    return (found and found[1]) or ""


def version_of(release: str) -> tuple[int, ...] | None:
    """Return the numbers of a release like `shop@1.4.0` or `v2.1`, to be compared; None for a hash or a word.

    A pre-release (`1.4.0-rc1`) comes before its release; pre-releases of one version are equal.
    """
    named = _RELEASE.fullmatch(release.strip())
    found = _VERSION.fullmatch(named[2]) if named else None
    if found is None or "." not in found[1]:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    is_final = not (found[2] or "").startswith("-")
    return (*numbers, *[0] * (_PARTS - len(numbers)), int(is_final))


def newer_by(first_seen: FirstSeen, since: datetime | None = None) -> Newer:
    """Return what compares releases: by version within one package, else by when each was first seen.

    Args:
        first_seen: Tells when.
        since: What is newer than a release of another package was also first seen after this.
    """

    def newer(release: str, than: str) -> bool:
        is_one_package = package_of(release) == package_of(than)
        versions = version_of(release), version_of(than)
        if is_one_package and versions[0] is not None and versions[1] is not None:
            return versions[0] > versions[1]
        seen, other = first_seen(release), first_seen(than)
        if seen is not None and since is not None and not is_one_package and seen <= since:
            return False
        # A release that was never seen is yet to come.
        return other is not None and release != than and (seen is None or seen > other)

    return newer


class Newest:
    """The newest release of each package of a project.

    Args:
        first_seen: The project's releases, with the times they were first seen.
    """

    def __init__(self, first_seen: Mapping[str, datetime]) -> None:
        newer = newer_by(first_seen.get)
        self._of_package: dict[str, str] = {}
        for release in sorted(first_seen, key=lambda name: (first_seen[name], name)):
            package = package_of(release)
            last = self._of_package.get(package)
            if last is None or newer(release, last):
                self._of_package[package] = release
        self._last = max(self._of_package.values(), key=lambda name: (first_seen[name], name), default=None)

    def beside(self, release: str | None) -> str | None:
        """Return the newest release of a release's package, or else of the project; None when it has none."""
        return self._last if release is None else self._of_package.get(package_of(release), self._last)


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
