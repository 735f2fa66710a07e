"""What waits in the channels, why, and what to do about it: the rules of the runbook."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from atlas_core.topics import ALERT_GROUP, ATLAS_EVENTS, INSIGHT_GROUP, INSIGHT_JOBS, ISSUE_GROUP, ISSUE_UPDATES
from dashboards.frames import NotebookError, Workbench

# Who reads what, in the order in which an event passes.
READERS: Final[Mapping[tuple[str, str], str]] = {
    (ATLAS_EVENTS.name, ISSUE_GROUP): "issues",
    (ISSUE_UPDATES.name, ALERT_GROUP): "alerts",
    (ISSUE_UPDATES.name, INSIGHT_GROUP): "intelligence",
    (INSIGHT_JOBS.name, INSIGHT_GROUP): "intelligence",
}
STEADY_PER_S: Final = 0.1
_METRIC: Final = "atlas_consumer_lag_messages"


def measure(atlas: Workbench, *, seconds: float = 12.0, sleep: Callable[[float], None] = time.sleep) -> pd.DataFrame:
    """Return the lag of each group now, how it moves, and whether its service is ready.

    Takes `seconds`, at least the time in which services measure their lag anew (5 s).

    Returns:
        A row for each of `READERS`, in their order: `topic`, `group`, `service` (text), `lag` (Int64, messages; missing
        when the service does not say), `per_second` (float64, above 0 when it grows), `problem` (text, empty when it
        is ready).
    """
    before = _lags(atlas)
    sleep(seconds)
    after = _lags(atlas)
    rows = [
        {
            "topic": topic,
            "group": group,
            "service": service,
            "lag": after.get((topic, group)),
            "per_second": (after.get((topic, group), 0) - before.get((topic, group), 0)) / seconds,
            "problem": atlas.problem(service),
        }
        for (topic, group), service in READERS.items()
    ]
    return pd.DataFrame(rows).astype({"lag": "Int64"})


def advise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return `topic`, `group`, `lag`, `why` and `do` (text) for the rows of `measure`."""
    rows: list[Any] = list(measured.itertuples())
    advice = [
        _of_problem(row.service, row.problem) if row.problem or pd.isna(row.lag) else _of_lag(row) for row in rows
    ]
    table = measured[["topic", "group", "lag"]].copy()
    table["why"] = [why for why, _ in advice]
    table["do"] = [do for _, do in advice]
    return table


def _of_problem(service: str, problem: str) -> tuple[str, str]:
    if not problem or "does not answer" in problem:
        return problem or f"{service} does not say", f"start it: `atlas up`, or `atlas run {service}`"
    if "dead letters" in problem:
        return problem, "read the reasons, mend the code or the sender, start the service again"
    return problem, "mend what the reason names; the messages wait, none is lost"


def _of_lag(row: Any) -> tuple[str, str]:
    if row.lag == 0:
        return "everything is handled", "nothing"
    if row.per_second < -STEADY_PER_S:
        return f"catching up by {-row.per_second:.1f} a second", f"wait about {row.lag / -row.per_second:.0f} s"
    if row.topic == INSIGHT_JOBS.name:
        return "the model is slower than issues come", "wait: insights come late, nothing else does; or a smaller model"
    moving = "more arrives than is handled" if row.per_second > STEADY_PER_S else "as much arrives as is handled"
    share = ATLAS_EVENTS.partitions
    return moving, f"run one more `atlas run {row.service}` (up to {share} share the work), then measure again"


def _lags(atlas: Workbench) -> dict[tuple[str, str], int]:
    """Return messages by (topic, group); services of one process show each other's, so none is counted twice."""
    found: dict[tuple[str, str], int] = {}
    for service in dict.fromkeys(READERS.values()):
        try:
            metrics = atlas.metrics(service)
        except NotebookError:
            continue  # `problem` says why
        for row in metrics[metrics["name"] == _METRIC].itertuples():
            labels = dict(part.split("=", 1) for part in str(row.labels).replace('"', "").split(","))
            key = (labels["topic"], labels["group"])
            found[key] = max(found.get(key, 0), int(float(str(row.value))))
    return found
