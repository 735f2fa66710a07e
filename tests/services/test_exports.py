"""Exports hold every event, in every format, and say when they could not."""

import csv
import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from pyarrow import parquet
from starlette.types import ASGIApp

from atlas_core.storage.exports import ExportedEvent, Exports, Wanted
from atlas_core.storage.issue_search import Asker
from tests.services.desk import Desk, refused


def rows(desk: Desk, what: str, form: str, **asked: object):
    answer = desk.call("GET", f"/export/{what}?{urlencode({'format': form, **asked})}")
    assert answer.status_code == 200, answer.text
    assert f"atlas-{what}.{form}" in answer.headers["content-disposition"]
    if form == "ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    if form == "csv":
        return list(csv.DictReader(io.StringIO(answer.text)))
    return parquet.read_table(io.BytesIO(answer.content)).to_pylist()


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr("atlas_core.storage.exports.PAGE_EVENTS", 7)
    monkeypatch.setattr("services.issues.export_routes.ISSUES_AT_ONCE", 2)
    monkeypatch.setattr("services.issues.export_formats._GROUP_ROWS", 10)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_an_export_has_every_event_once_oldest_first(desk, form):
    events = [
        desk.event(f"m{n % 3}", after_s=-3600 * n, tags={"n": str(n)}, user={"id": n}, release="1.0") for n in range(40)
    ]
    desk.store.record(events)
    found = rows(desk, "events", form)
    assert [str(row["event_id"]) for row in found] == [str(event.event_id) for event in reversed(events)]
    tags = [row["tags"] if form == "ndjson" else json.loads(row["tags"]) for row in found]
    assert tags == [{"n": str(n)} for n in reversed(range(40))]
    assert {row["release"] for row in found} == {"1.0"}
    assert {int(row["sequence"]) for row in found} == set(range(1, 15))
    first = found[0]["received_at"]
    at = first if isinstance(first, datetime) else datetime.fromisoformat(first)
    assert at == events[-1].received_at


@pytest.mark.usefixtures("small_pages")
def test_an_export_is_of_a_time_an_issue_or_the_issues_that_a_query_finds(desk):
    desk.issue("rare", after_s=-3600 * 30)
    desk.store.record([desk.event(f"often {n % 2}", after_s=-3600 * n, release=f"{n % 2}.0") for n in range(20)])
    assert [row["message"] for row in rows(desk, "events", "ndjson", query="rare")] == ["rare"]
    assert {row["message"] for row in rows(desk, "events", "csv", query="release:1.0")} == {"often 1"}
    (issue,) = desk.call("GET", "/issues?query=rare").json()["issues"]
    assert [row["message"] for row in rows(desk, "events", "ndjson", issue_id=issue["id"])] == ["rare"]
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(hours=5, minutes=30)).isoformat(), "to": (now - timedelta(hours=2)).isoformat()}
    assert len(rows(desk, "events", "csv", **span)) == 4
    assert rows(desk, "events", "parquet", query="nothing") == []
    assert rows(desk, "events", "csv", query="nothing") == []


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_issues_are_exported_like_their_list(desk, form):
    for n in range(5):
        desk.issue(f"m{n}", after_s=-n)
    found = rows(desk, "issues", form, query="-m3")
    assert [row["title"] for row in found] == ["m0", "m1", "m2", "m4"]
    assert {str(row["count"]) for row in found} == {"1"}


def test_an_ndjson_export_has_each_event_whole(desk):
    event = desk.event("boom", extra={"a": [1, None]}, breadcrumbs=[{"message": "x"}], user={"id": 1})
    desk.store.record([event])
    (row,) = rows(desk, "events", "ndjson")
    assert (row["extra"], row["breadcrumbs"], row["user"]) == ({"a": [1, None]}, [{"message": "x"}], {"id": 1})
    assert len(row["fingerprint"]) == 64


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_csv_cell_is_never_a_formula(desk, text):
    desk.store.record([desk.event(text, tags={"a": text}, server_name=text)])
    (row,) = rows(desk, "events", "csv")
    assert (row["message"], row["server_name"]) == (f"'{text}", f"'{text}")
    assert rows(desk, "events", "parquet")[0]["message"] == text


def test_cells_with_quotes_commas_and_lines_come_back(desk):
    text = 'a "quoted", cell\nof two lines; caf\u00e9'
    desk.store.record([desk.event(text)])
    assert [row["message"] for row in rows(desk, "events", "csv")] == [text]


def test_large_bodies_make_small_pages(desk, monkeypatch):
    monkeypatch.setattr("atlas_core.storage.exports.PAGE_BYTES", 1)
    monkeypatch.setattr("atlas_core.storage.exports._FETCHED", 3)
    desk.store.record([desk.event(f"m{n}", after_s=-n) for n in range(10)])
    now = datetime.now(UTC)
    wanted = Wanted(desk.project, now - timedelta(days=1), now + timedelta(days=1), None, ())
    pages = list(Exports(desk.database).pages(wanted, Asker(desk.ann, now)))
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [event.message for page in pages for event in page] == [f"m{n}" for n in reversed(range(10))]


def test_what_cannot_begin_is_an_answer_with_its_own_status(desk):
    assert refused(desk.call("GET", "/export/events?query=level:x"), 400)["position"] == 6
    refused(desk.call("GET", "/export/issues?query=level:x"), 400)
    refused(desk.call("GET", "/export/events?format=xml"), 422)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The app on a port of its own; yields its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(8)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.mark.logs_errors
@pytest.mark.usefixtures("small_pages")
def test_a_client_notices_that_a_stream_was_cut_because_its_asker_was_removed(desk, monkeypatch):
    monkeypatch.setattr("services.http.MEMBERSHIP_TTL_S", -1.0)
    desk.store.record([desk.event(f"m{n}", after_s=-n) for n in range(30)])
    pages = Exports.pages

    def removed_after_two(exports: Exports, wanted: Wanted, asker: Asker) -> Iterator[list[ExportedEvent]]:
        for n, page in enumerate(pages(exports, wanted, asker)):
            if n == 2:
                desk.sql("DELETE FROM identity.members WHERE user_id = :u", u=desk.ann)
            yield page

    monkeypatch.setattr(Exports, "pages", removed_after_two)
    path = f"/projects/{desk.project}/export/events?format=ndjson"
    with served(desk.app) as address, pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        httpx.get(address + path, headers=desk.headers(desk.ann), timeout=20)
