"""A project as pandas frames: what notebooks read. By HTTP with the reader's own account, never by SQL."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import pandas as pd

ISSUE_COLUMNS: Final = ("id", "title", "type", "level", "status", "count", "first_seen", "last_seen", "fingerprint")
EVENT_COLUMNS: Final = (
    "event_id", "issue_id", "type", "message", "level", "timestamp", "received_at", "release", "environment",
)  # fmt: skip
_PAGE: Final = 100


class NotebookError(Exception):
    """A notebook cannot go on; the text says what to do."""


class Workbench:
    """A signed-in reader of one project.

    Args:
        account: `email`, `password` and `project_id`; default: the first account that `atlas up` made, found in
            ATLAS_DATA_DIR (default `.atlas`, also looked for in the folders above).
        host: Where the services are.
    """

    def __init__(self, account: dict[str, str] | None = None, host: str = "127.0.0.1") -> None:
        self._host = host
        self._http = httpx.Client(timeout=30)
        self._account = account or _first_account()
        self.project_id = self._account["project_id"]
        body = {"email": self._account["email"], "password": self._account["password"]}
        token = self._ask("POST", "identity", 8080, "/auth/signin", body)["token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def issues(self) -> pd.DataFrame:
        """Return the project's issues, most events first.

        Columns: `ISSUE_COLUMNS`; `count` int64, `first_seen` and `last_seen` datetime64[UTC], the rest text.
        """
        rows = self._ask("GET", "issues", 8082, f"/projects/{self.project_id}/issues")["issues"]
        frame = _with_times(pd.DataFrame(rows, columns=list(ISSUE_COLUMNS)), "first_seen", "last_seen")
        return frame.sort_values(["count", "title"], ascending=[False, True], ignore_index=True)

    def events(self, *, most: int = 10_000, issue_id: str | None = None) -> pd.DataFrame:
        """Return up to `most` of the project's newest events (or one issue's), newest first.

        Columns: `EVENT_COLUMNS`; `timestamp` (the client's) and `received_at` datetime64[UTC], the rest text.
        """
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None and len(rows) < most:
            query = (
                f"limit={_PAGE}"
                + (f"&cursor={cursor}" if cursor else "")
                + (f"&issue_id={issue_id}" if issue_id else "")
            )
            page = self._ask("GET", "issues", 8082, f"/projects/{self.project_id}/events?{query}")
            rows += page["events"]
            cursor = page["next_cursor"]
        return _with_times(pd.DataFrame(rows[:most], columns=list(EVENT_COLUMNS)), "timestamp", "received_at")

    def event(self, event_id: str) -> dict[str, Any]:
        """Return one event whole: frames, breadcrumbs, tags, user, contexts."""
        event: dict[str, Any] = self._ask("GET", "issues", 8082, f"/projects/{self.project_id}/events/{event_id}")[
            "event"
        ]
        return event

    def alerts(self) -> pd.DataFrame:
        """Return the newest 50 alerts: id, rule_id, issue_id, message, acknowledged, fired_at."""
        columns = ["id", "rule_id", "issue_id", "message", "acknowledged", "fired_at"]
        rows = self._ask("GET", "alerts", 8084, f"/projects/{self.project_id}/alerts")["alerts"]
        return _with_times(pd.DataFrame(rows, columns=columns), "fired_at")

    def metrics(self, service: str) -> pd.DataFrame:
        """Return a service's metrics now: name, labels (as in the text format), value (float64)."""
        ports = {"identity": 8080, "ingestion": 8081, "issues": 8082, "intelligence": 8083, "alerts": 8084}
        text = self._http.get(f"{self._address(service, ports[service])}/metrics").raise_for_status().text
        rows = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        names = [row[0].partition("{") for row in rows]
        return pd.DataFrame(
            {
                "name": [name for name, _, _ in names],
                "labels": [labels.rstrip("}") for _, _, labels in names],
                "value": [float(row[1]) for row in rows],
            }
        )

    def _address(self, service: str, port: int) -> str:
        return f"http://{self._host}:{os.environ.get(f'ATLAS_{service.upper()}_PORT', port)}"

    def _ask(self, method: str, service: str, port: int, path: str, body: object = None) -> Any:
        address = self._address(service, port)
        try:
            answer = self._http.request(method, address + path, json=body)
        except httpx.HTTPError as error:
            raise NotebookError(f"{service} does not answer at {address}: start Atlas with `make run`") from error
        if answer.is_error:
            raise NotebookError(f"{service} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()


def _first_account() -> dict[str, str]:
    named = os.environ.get("ATLAS_DATA_DIR")
    folders = [Path(named)] if named else [parent / ".atlas" for parent in (Path.cwd(), *Path.cwd().parents)]
    for folder in folders:
        path = folder / "first-account.json"
        if path.exists():
            account: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return account
    raise NotebookError(f"no first-account.json in {folders[0]}: start Atlas with `make run`, or set ATLAS_DATA_DIR")


def _with_times(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    for column in columns:
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame
