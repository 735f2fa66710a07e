"""`python -m benchmarks.grouping --data DIR`: how well and how fast messages are grouped, beside regular expressions.

DIR holds CSV files with the columns `content` and `event_id` (the truth), such as the 2k sets of Loghub. Exceptions are
those of `data/samples/exceptions_bench.json` and of `exception_messages.py`; without `--data` only they count.
"""

import argparse
import csv
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from atlas_core.grouping import similarity, words
from atlas_core.grouping.normalized import parameterised
from atlas_core.grouping.similarity import Appearance, SimilarIssues
from benchmarks.exception_messages import labelled_messages
from benchmarks.measures import Scores, scores

Labelled = tuple[list[str], list[str]]

_SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "exceptions_bench.json"
_HOSTILE_CHARACTERS = 8_000
_HOSTILE = (
    "a",
    "1.",
    "_1",
    "/a",
    "a:",
    "f-",
    "'",
    "user ",
    "x name y ",
    ")=(",
    "a@b.",
    "\\",
    "a1b2 ",
    "Error: code ",
    "=user='",
)
_ISSUES = 50_000
_BASELINE = re.compile(
    r"""(?x)
    (?P<email>\b[\w.+-]+@[\w-]+\.[\w.-]+\b) | (?P<url>\b(?:https?|ftp|wss?|file)://[^\s"'<>]+)
  | (?P<host>\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|edu|gov)\b)
  | (?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b | \b(?:[0-9a-fA-F]{1,4}:){2,7}[0-9a-fA-F]{1,4}\b)
  | (?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)
  | (?P<hash>\b[0-9a-fA-F]{40}\b | \b[0-9a-fA-F]{32}\b)
  | (?P<date>\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?\b | \b\d{2}:\d{2}:\d{2}\b)
  | (?P<duration>\b\d+(?:\.\d+)?(?:ms|s|m|h)\b) | (?P<hex>\b0[xX][0-9a-fA-F]+\b)
  | (?P<float>-?\b\d+\.\d+\b) | (?P<int>-?\b\d+\b) | (?P<quoted>=(?:'[^']*'|"[^"]*"))"""
)


def baseline(message: str) -> str:
    """Return the message with its variable parts named by one big alternation, the usual way; the bare limit here."""
    return _BASELINE.sub(lambda match: f"<{match.lastgroup}>", message)


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    arguments.add_argument("--data", type=Path, help="folder of CSV files with the columns content and event_id")
    folder: Path | None = arguments.parse_args().data
    logs = dict(_logs(folder)) if folder else {}
    exceptions = {"exceptions (sample)": _sample(), "exceptions (own templates)": labelled_messages()}
    console = Console(width=110)
    console.print(_quality(logs, exceptions))
    messages = [message for found, _ in (logs | exceptions).values() for message in found]
    console.print(_speed(messages))
    console.print(_likeness(exceptions, messages))


def _logs(folder: Path) -> Iterator[tuple[str, Labelled]]:
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        yield path.stem, ([row["content"] for row in rows], [row["event_id"] for row in rows])


def _sample() -> Labelled:
    events = json.loads(_SAMPLE.read_text(encoding="utf-8"))["events"]
    return [event["message"] for event in events], [event["template"] for event in events]


def _quality(logs: dict[str, Labelled], exceptions: dict[str, Labelled]) -> Table:
    table = Table(
        "set",
        "accuracy",
        "F1",
        "pair precision",
        "wrong merges",
        "groups/true",
        title="normalized (baseline in brackets)",
    )
    rows = []
    for name, (messages, truth) in (logs | exceptions).items():
        own = scores([parameterised(message) for message in messages], truth)
        bare = scores([baseline(message) for message in messages], truth)
        if name in logs:
            rows.append((own, bare))
        _add(table, name, own, bare, f"{own.groups}/{own.true_groups}")
    if rows:
        _add(table, "average of logs", _mean([own for own, _ in rows]), _mean([bare for _, bare in rows]), "")
    return table


def _add(table: Table, name: str, own: Scores, bare: Scores, groups: str) -> None:
    figures = [f"{mine:.3f} ({theirs:.3f})" for mine, theirs in zip(own[:2], bare[:2], strict=True)]
    table.add_row(
        name, *figures, f"{own.precision:.4f} ({bare.precision:.4f})", f"{own.merged} ({bare.merged})", groups
    )


def _mean(found: Sequence[Scores]) -> Scores:
    share = [sum(one[n] for one in found) / len(found) for n in range(3)]
    return Scores(*share, merged=sum(one.merged for one in found), groups=0, true_groups=0)


def _speed(messages: Sequence[str]) -> Table:
    own, bare = _rate(parameterised, messages), _rate(baseline, messages)
    table = Table("speed", "normalized", "baseline", "ratio")
    table.add_row(
        f"messages a second, each of {len(messages):,} once", f"{own:,.0f}", f"{bare:,.0f}", f"{own / bare:.1f}"
    )
    worst, worst_bare = _worst(parameterised), _worst(baseline)
    table.add_row(f"worst of {len(_HOSTILE)} hostile messages, ms", f"{worst:.2f}", f"{worst_bare:.2f}", "")
    return table


def _rate(function: Callable[[str], str], messages: Sequence[str]) -> float:
    """Return messages a second of processor time, the best of three runs, each from a cold start."""
    best = float("inf")
    for seed in range(3):
        shuffled = random.Random(seed).sample(messages, len(messages))
        words.cached.cache_clear()
        start = time.process_time()
        for message in shuffled:
            function(message)
        best = min(best, time.process_time() - start)
    return len(messages) / best


def _worst(function: Callable[[str], str]) -> float:
    """Return the milliseconds that the worst hostile message of 8,000 characters takes."""
    worst = 0.0
    for piece in _HOSTILE:
        text = (piece * _HOSTILE_CHARACTERS)[:_HOSTILE_CHARACTERS]
        start = time.process_time()
        function(text)
        worst = max(worst, time.process_time() - start)
    return worst * 1_000


def _likeness(exceptions: dict[str, Labelled], messages: Sequence[str]) -> Table:
    table = Table("similar issues", "normalized", "raw text")
    for name, labelled in exceptions.items():
        table.add_row(
            f"{name}: nearest is of the same template", f"{_nearest(labelled):.3f}", f"{_nearest_raw(labelled):.3f}"
        )
    index, asked, build_s = _many(messages)
    times = []
    for issue in asked:
        start = time.process_time()
        index.similar(issue)
        times.append((time.process_time() - start) * 1_000)
    times.sort()
    table.add_row(
        f"query among {_ISSUES:,} issues, ms: median, p99", f"{times[len(times) // 2]:.1f}, {times[-3]:.1f}", ""
    )
    table.add_row(f"index of {_ISSUES:,} issues, s", f"{build_s:.1f}", "")
    return table


def _nearest(labelled: Labelled) -> float:
    messages, truth = labelled
    issues = [Appearance(UUID(int=n), None, message) for n, message in enumerate(messages)]
    index = SimilarIssues(issues)
    found = [index.similar(issue, 1, 0) for issue in issues]
    return sum(bool(best) and truth[best[0].id.int] == truth[n] for n, best in enumerate(found)) / len(issues)


def _nearest_raw(labelled: Labelled) -> float:
    own = similarity.parameterised
    similarity.parameterised = str
    try:
        return _nearest(labelled)
    finally:
        similarity.parameterised = own


def _many(messages: Sequence[str]) -> tuple[SimilarIssues, list[Appearance], float]:
    """Return an index of issues that all differ in a word or two, some of them to ask for, and how long it took."""
    made = random.Random(3)
    plain = sorted({word for message in messages for word in message.split() if word.isalpha()})
    texts = [f"{made.choice(messages)} {' '.join(made.choices(plain, k=4))}" for _ in range(_ISSUES)]
    issues = [Appearance(UUID(int=n), None, text) for n, text in enumerate(texts)]
    start = time.process_time()
    index = SimilarIssues(issues)
    return index, made.sample(issues, 300), time.process_time() - start


if __name__ == "__main__":
    main()
