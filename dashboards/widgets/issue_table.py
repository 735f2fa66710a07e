"""An accessible table of issues; the browser holds one page of it, the service the others."""

from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from dashboards.records import Issue, IssuePage

_HERE = Path(__file__).parent
PAGE_SIZE: Final = 50
DEFAULT_SORT: Final = "last_seen"
SORTS: Final = {
    "last_seen": "Last seen",
    "first_seen": "First seen",
    "count": "Events",
    "users": "Users",
    "priority": "Priority",
}


class IssueTable(anywidget.AnyWidget):
    """Shows one page of a query's issues; `selected` is the id of the chosen one, `marked` are those that are ticked.

    A visitor changes `query`, `sort`, `page` and `selected`; whoever observes them asks the service and calls `show` or
    `refuse`. The next page is found by the cursor that came with this one, so pages are visited one by one.
    """

    _esm = _HERE / "issue_table.js"
    _css = _HERE / "issue_table.css"
    rows: Any = traitlets.List().tag(sync=True)
    query = traitlets.Unicode("").tag(sync=True)
    sort = traitlets.Unicode(DEFAULT_SORT).tag(sync=True)
    sorts: Any = traitlets.Dict(SORTS).tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    has_next = traitlets.Bool(default_value=False).tag(sync=True)
    summary = traitlets.Unicode("").tag(sync=True)
    problem: Any = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    marked: Any = traitlets.List().tag(sync=True)
    loading = traitlets.Bool(default_value=True).tag(sync=True)

    def __init__(self, query: str = "", sort: str = "") -> None:
        self._cursors: list[str | None] = [None]
        super().__init__(query=query, sort=sort if sort in SORTS else DEFAULT_SORT)
        self.observe(lambda _change: self._first_page(), ["query", "sort"])
        self.observe(lambda _change: self._unmark(), "page")

    @property
    def cursor(self) -> str | None:
        """What the service gave with the page before this one."""
        return self._cursors[min(self.page, len(self._cursors) - 1)]

    def show(self, found: IssuePage, total: int | None) -> None:
        """Show what the service found for this page; `total` is how many there are, if that is known."""
        self._cursors = [*self._cursors[: self.page + 1], found.next_cursor]
        with self.hold_sync():
            self.loading, self.problem = False, {}
            self.has_next = found.next_cursor is not None
            self.summary = _summary(self.page, len(found.issues), total, more=self.has_next)
            self.rows = [row(issue) for issue in found.issues]
            shown = {issue.id for issue in found.issues}
            self.marked = [issue_id for issue_id in self.marked if issue_id in shown]

    def refuse(self, text: str, position: int | None) -> None:
        """Say why the query cannot be read, and where in it; the rows are still those of the last one."""
        self.loading, self.problem = False, {"text": text, "query": self.query, "position": position}

    def clear(self) -> None:
        """Forget the issues of another project."""
        self._first_page()
        self.rows, self.summary = [], ""

    def _unmark(self) -> None:
        self.marked = []

    def _first_page(self) -> None:
        self._cursors = [None]
        with self.hold_sync():
            self.page, self.has_next, self.loading, self.problem, self.marked = 0, False, True, {}, []


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


def _summary(page: int, shown: int, total: int | None, *, more: bool) -> str:
    first = page * PAGE_SIZE + 1
    if not shown:
        return "no issues"
    if not more and page == 0:
        return f"{shown:,} issue{'' if shown == 1 else 's'}"
    of = f" of {total:,}" if total is not None else " of more" if more else ""
    return f"{first:,}-{first + shown - 1:,}{of}"
