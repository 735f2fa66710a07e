"""Issues that look alike, with reasons: suggestions for people, never merged by themselves.

Each issue is the bag of the 3-, 4- and 5-grams of its type and its message without what varies; likeness is the cosine
of the bags, rare grams counting more. No weights are learned, nothing is downloaded.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from atlas_core.events import Event
from atlas_core.grouping.crash_sites import crash_sites
from atlas_core.grouping.normalized import parameterised

_Integers = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]

_SIZES: Final = (3, 4, 5)
_BUCKETS: Final = 1 << 18
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(64 - 18)
_READ_POSTINGS: Final = 60_000
_CANDIDATES: Final = 50
_INDEXED_AT_ONCE: Final = 4_000
_SITES_COUNT: Final = 0.3
_REASON_WORDS: Final = 6
_WORD_CHARACTERS: Final = 3


class Appearance(msgspec.Struct, frozen=True):
    """What is compared of an issue. `sites` are where it was raised, `module.function`, what was caught first."""

    id: UUID
    type: str | None
    message: str
    sites: tuple[str, ...] = ()


class Suggestion(msgspec.Struct, frozen=True):
    """An issue that looks alike. `score` is from 0 to 1; `reasons` say what both have."""

    id: UUID
    score: float
    reasons: tuple[str, ...]


def appearance(issue_id: UUID, event: Event) -> Appearance:
    """Return how an issue looks by one of its events."""
    sites = (site for value in reversed(event.exceptions) for site in crash_sites(value))
    return Appearance(issue_id, event.type, event.message, tuple(dict.fromkeys(sites)))


class SimilarIssues:
    """An index of issues in memory; a change of the issues needs a new one.

    Args:
        issues: Up to about 50,000.
    """

    def __init__(self, issues: Sequence[Appearance]) -> None:
        self._issues = list(issues)
        self._texts = [_text(issue) for issue in self._issues]
        owners, buckets = _indexed(self._texts)
        self._owners = owners[np.argsort(buckets, kind="stable")]
        counts = np.bincount(buckets, minlength=_BUCKETS)
        self._starts = np.concatenate(([0], np.cumsum(counts)))
        self._rarity: _Floats = np.log((1 + len(self._issues)) / (1 + counts)) + 1

    def similar(self, issue: Appearance, limit: int = 5, at_least: float = 0.5) -> list[Suggestion]:
        """Return the issues that look most alike, best first, without the issue itself.

        Args:
            issue: Any, also one that is not in the index.
            limit: How many at most.
            at_least: The least score, from 0 to 1.
        """
        text = _text(issue)
        places = self._candidates(text)
        scores = self._cosines(text, places)
        found = []
        for place, score in zip(places.tolist(), scores.tolist(), strict=True):
            other = self._issues[place]
            if other.id != issue.id:
                found.append((_with_sites(score, issue, other), place))
        found.sort(key=lambda pair: (-pair[0], pair[1]))
        return [
            Suggestion(self._issues[place].id, round(score, 4), self._reasons(issue, text, place))
            for score, place in found[:limit]
            if score >= at_least
        ]

    def _candidates(self, text: str) -> _Integers:
        """Return the places of the issues that share most of the text's rarest grams."""
        _, buckets, _ = _grams([text])
        lengths = self._starts[buckets + 1] - self._starts[buckets]
        order = np.argsort(lengths, kind="stable")
        order = order[lengths[order] > 0]
        within = np.searchsorted(np.cumsum(lengths[order]), _READ_POSTINGS) + 1
        read = order[:within]
        if not len(read):
            return np.empty(0, dtype=np.int64)
        owners = np.concatenate([self._owners[self._starts[b] : self._starts[b + 1]] for b in buckets[read]])
        weights = np.repeat(self._rarity[buckets[read]] ** 2, lengths[read])
        shared = np.bincount(owners, weights=weights, minlength=len(self._issues))
        count = min(_CANDIDATES, int(np.count_nonzero(shared)))
        return np.argpartition(shared, -count)[-count:]

    def _cosines(self, text: str, places: _Integers) -> _Floats:
        """Return the cosine of the text with the text of each place."""
        owners, buckets, counts = _grams([text, *(self._texts[place] for place in places.tolist())])
        weights = (1 + np.log(counts)) * self._rarity[buckets]
        norms = np.sqrt(np.bincount(owners, weights=weights**2, minlength=len(places) + 1))
        mine: _Floats = np.zeros(_BUCKETS)
        own = owners == 0
        mine[buckets[own]] = weights[own]
        products = np.bincount(owners, weights=weights * mine[buckets], minlength=len(places) + 1)
        cosines: _Floats = products[1:] / np.maximum(norms[1:] * norms[0], 1e-12)
        return cosines

    def _reasons(self, issue: Appearance, text: str, place: int) -> tuple[str, ...]:
        other, other_text = self._issues[place], self._texts[place]
        reasons = []
        if text == other_text:
            reasons.append("the same message but for what varies")
        else:
            words = [word for word in dict.fromkeys(_words(text)) if word in set(_words(other_text))]
            rarest = sorted(words, key=self._word_rarity, reverse=True)[:_REASON_WORDS]
            if rarest:
                reasons.append(f"both say: {', '.join(word for word in words if word in rarest)}")
        if issue.type and issue.type == other.type:
            reasons.append(f"both are {issue.type}")
        if shared := [site for site in issue.sites if site in other.sites]:
            reasons.append(f"both raised in {', '.join(shared)}")
        return tuple(reasons)

    def _word_rarity(self, word: str) -> float:
        _, buckets, _ = _grams([word])
        return float(self._rarity[buckets].mean()) if len(buckets) else 0.0


def _with_sites(score: float, issue: Appearance, other: Appearance) -> float:
    """Return the score of the texts, moved by how many crash sites are shared when both have some."""
    if not (issue.sites and other.sites):
        return score
    mine, theirs = set(issue.sites), set(other.sites)
    return (1 - _SITES_COUNT) * score + _SITES_COUNT * len(mine & theirs) / len(mine | theirs)


def _text(issue: Appearance) -> str:
    return f" {issue.type or ''} {parameterised(issue.message)} ".lower()


def _words(text: str) -> list[str]:
    stripped = (word.strip(".,:;()[]{}'\"<>*") for word in text.split())
    return [word for word in stripped if len(word) >= _WORD_CHARACTERS]


def _indexed(texts: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return owner and bucket of each gram of the texts, made of few texts at a time to keep memory low."""
    owners, buckets = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for first in range(0, len(texts), _INDEXED_AT_ONCE):
        some_owners, some_buckets, _ = _grams(texts[first : first + _INDEXED_AT_ONCE])
        owners.append((some_owners + first).astype(np.int32))
        buckets.append(some_buckets.astype(np.int32))
    return np.concatenate(owners), np.concatenate(buckets)


def _grams(texts: Sequence[str]) -> tuple[_Integers, _Integers, _Integers]:
    """Return the grams of texts as three arrays of equal length: owner (place of the text), bucket, count.

    Sorted by owner and bucket; each pair occurs once.
    """
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    characters = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.uint64)
    owners = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(characters))
    keys = [_keys(characters, owners, left, size) for size in _SIZES]
    unique, counts = np.unique(np.concatenate(keys), return_counts=True)
    return unique // _BUCKETS, unique % _BUCKETS, counts


def _keys(characters: npt.NDArray[np.uint64], owners: _Integers, left: _Integers, size: int) -> _Integers:
    """Return owner * buckets + bucket of each gram of a size; `left` counts the characters up to the text's end."""
    starts = np.flatnonzero(left >= size)
    hashed = np.full(len(starts), size, dtype=np.uint64)
    for offset in range(size):
        hashed = (hashed ^ characters[starts + offset]) * _FACTOR
    return owners[starts] * _BUCKETS + (hashed >> _SHIFT).astype(np.int64)
