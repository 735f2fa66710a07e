"""An accessible table of issues; the browser holds one page of it."""

from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from dashboards.records import Issue

_HERE = Path(__file__).parent
PAGE_SIZE: Final = 50
_SEVERITY: Final = {"debug": 0, "info": 1, "warning": 2, "error": 3, "fatal": 4, "critical": 4}


class IssueTable(anywidget.AnyWidget):
    """Filters, sorts and pages the issues that it is given; `selected` is the id of the chosen one."""

    _esm = _HERE / "issue_table.js"
    _css = _HERE / "issue_table.css"
    rows: Any = traitlets.List().tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    page_size = traitlets.Int(PAGE_SIZE).tag(sync=True)
    query = traitlets.Unicode("").tag(sync=True)
    sort = traitlets.Unicode("-last_seen").tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    loading = traitlets.Bool(default_value=True).tag(sync=True)

    def __init__(self, query: str = "", selected: str = "") -> None:
        self._issues: list[Issue] = []
        super().__init__(query=query, selected=selected)
        self.observe(self._turned, ["page", "sort"])
        self.observe(self._filtered, "query")

    def show(self, issues: list[Issue]) -> None:
        """Replace the issues; unchanged rows are not sent again."""
        self._issues = issues
        self.loading = False
        self._fill()

    def clear(self) -> None:
        """Forget the issues of another project."""
        self._issues, self.loading, self.page = [], True, 0
        self._fill()

    def _turned(self, _change: object) -> None:
        self._fill()

    def _filtered(self, _change: object) -> None:
        self.page = 0
        self._fill()

    def _fill(self) -> None:
        kept = arranged(self._issues, self.query, self.sort)
        last = max(0, (len(kept) - 1) // self.page_size)
        with self.hold_sync():
            self.total = len(kept)
            self.page = min(max(self.page, 0), last)
            start = self.page * self.page_size
            self.rows = [row(issue) for issue in kept[start : start + self.page_size]]


def arranged(issues: list[Issue], query: str, sort: str) -> list[Issue]:
    """Return the issues whose title, level, status or fingerprint has `query`, by `sort` ("-count": most first)."""
    needle = query.strip().casefold()
    kept = [i for i in issues if needle in f"{i.title}\n{i.level}\n{i.status}\n{i.fingerprint}".casefold()]
    name = sort.lstrip("-")
    return sorted(kept, key=lambda issue: _sort_key(issue, name), reverse=sort.startswith("-"))


def row(issue: Issue) -> dict[str, Any]:
    """Return what the browser shows of an issue."""
    return {
        "id": issue.id,
        "title": issue.title,
        "where": issue.culprit or issue.fingerprint[:8],
        "level": issue.level,
        "status": "regressed" if issue.is_regressed else issue.status,
        "count": issue.count,
        "users": issue.users,
        "last_seen": issue.last_seen or "",
    }


def _sort_key(issue: Issue, name: str) -> tuple[int, str]:
    match name:
        case "count":
            return issue.count, issue.id
        case "users":
            return issue.users, issue.id
        case "level":
            return _SEVERITY.get(issue.level, 0), issue.id
        case "title":
            return 0, issue.title.casefold()
        case "status":
            return int(issue.is_regressed), issue.status
        case _:
            return 0, issue.last_seen or ""
