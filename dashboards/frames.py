"""A project as pandas frames: what notebooks read. By HTTP with the reader's own account, never by SQL."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import pandas as pd

from atlas_core.settings import Settings, read_settings

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
        settings: Where the services are; default: what the environment says.
        transport: What carries the requests; default: the network.
    """

    def __init__(
        self,
        account: dict[str, str] | None = None,
        settings: Settings | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = settings or read_settings()
        self._addresses = settings.addresses
        self._http = httpx.Client(timeout=30, trust_env=False, transport=transport)
        self._account = account or _first_account(settings.data_dir)
        self.project_id = self._account["project_id"]
        body = {"email": self._account["email"], "password": self._account["password"]}
        token = self._ask("POST", "identity", "/auth/signin", body)["token"]
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
        rows = self._ask("GET", "issues", f"/projects/{self.project_id}/issues")["issues"]
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
            page = self._ask("GET", "issues", f"/projects/{self.project_id}/events?{query}")
            rows += page["events"]
            cursor = page["next_cursor"]
        return _with_times(pd.DataFrame(rows[:most], columns=list(EVENT_COLUMNS)), "timestamp", "received_at")

    def event(self, event_id: str) -> dict[str, Any]:
        """Return one event whole: frames, breadcrumbs, tags, user, contexts."""
        event: dict[str, Any] = self._ask("GET", "issues", f"/projects/{self.project_id}/events/{event_id}")["event"]
        return event

    def alerts(self) -> pd.DataFrame:
        """Return the newest 50 alerts: id, rule_id, issue_id, message, acknowledged, fired_at."""
        columns = ["id", "rule_id", "issue_id", "message", "acknowledged", "fired_at"]
        rows = self._ask("GET", "alerts", f"/projects/{self.project_id}/alerts")["alerts"]
        return _with_times(pd.DataFrame(rows, columns=columns), "fired_at")

    def metrics(self, service: str) -> pd.DataFrame:
        """Return a service's metrics now: name, labels (as in the text format), value (float64)."""
        lines = [line for line in self._get(service, "/metrics").text.splitlines() if line and line[0] != "#"]
        rows = [line.rsplit(" ", 1) for line in lines]
        names = [row[0].partition("{") for row in rows]
        return pd.DataFrame(
            {
                "name": [name for name, _, _ in names],
                "labels": [labels.rstrip("}") for _, _, labels in names],
                "value": [float(row[1]) for row in rows],
            }
        )

    def problem(self, service: str) -> str:
        """Return why a service is not ready, or "" when it is."""
        try:
            answer = self._get(service, "/readyz")
        except NotebookError as error:
            return str(error)
        if answer.is_success:
            return ""
        detail: dict[str, str] = answer.json().get("detail") or {}
        return "; ".join(f"{name}: {why}" for name, why in detail.items()) or answer.text[:300]

    def _ask(self, method: str, service: str, path: str, body: object = None) -> Any:
        answer = self._request(method, service, path, body)
        if answer.is_error:
            raise NotebookError(f"{service} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def _get(self, service: str, path: str) -> httpx.Response:
        return self._request("GET", service, path)

    def _request(self, method: str, service: str, path: str, body: object = None) -> httpx.Response:
        address = self._addresses[service]
        try:
            return self._http.request(method, address + path, json=body)
        except httpx.HTTPError as error:
            raise NotebookError(f"{service} does not answer at {address}: start Atlas with `make run`") from error


def _first_account(data_dir: Path) -> dict[str, str]:
    folders = [data_dir, *(parent / data_dir.name for parent in Path.cwd().parents)]
    for folder in folders:
        path = folder / "first-account.json"
        if path.exists():
            account: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
            return account
    raise NotebookError(f"no first-account.json in {data_dir}: start Atlas with `make run`, or set ATLAS_DATA_DIR")


def _with_times(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    for column in columns:
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame
