"""@sentry/browser in Chromium, on a page of another origin: what it reports is in Atlas, and the page sees that."""

import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.clients.project import PROGRAMS, Project
from tests.servers.install import CHROMIUM_FLAGS

pytestmark = [pytest.mark.live, pytest.mark.slow]
Run = Callable[[str], list[int]]


@pytest.fixture(scope="module")
def site(node_clients: Path) -> Iterator[str]:
    """A site of its own origin; `/csp?ADDRESS` is a page that reports what its policy blocks to ADDRESS."""

    class Site(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name = Path(urlsplit(path).path).name
            return str(node_clients / name if name == "sentry-browser.js" else PROGRAMS / (name or "browser.html"))

        def do_GET(self) -> None:
            if not self.path.startswith("/csp?"):
                return super().do_GET()
            page = b'<!doctype html><img src="http://images.example/pear.png">'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", f"img-src 'self'; report-uri {self.path[5:]}")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            return None

        def log_message(self, *_: object) -> None:
            """A site without an access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def run(page: Page, site: str, project: Project) -> Run:
    """Run a scenario of programs/browser.js; return what status each of its events got."""

    def run(scenario: str) -> list[int]:
        page.goto(site)
        statuses: list[int] = page.evaluate("([scenario, dsn]) => report(scenario, dsn)", [scenario, project.dsn])
        return statuses

    return run


def test_what_a_page_does_not_catch_is_reported(run: Run, project: Project):
    assert run("uncaught") == [200] * 3
    project.holds(*(("OrderError", f"order {number} has no items", "error") for number in (10, 11, 12)))
    event = project.event("order 10 has no items")
    assert event["exceptions"][-1]["handled"] is False
    assert event["frames"][-1]["function"] == "place"
    assert event["request"]["headers"]["User-Agent"].startswith("Mozilla/5.0")
    assert event["platform"] == "javascript"


def test_causes_and_aggregates_are_one_event_each(run: Run, project: Project):
    assert run("chained") == [200] * 3
    project.holds(
        ("OrderError", "the shop is closed", "error"),
        ("AggregateError", "two of three failed", "error"),
        ("Error", "only a text", "error"),
    )
    chain = project.event("the shop is closed")["exceptions"]
    assert [one["value"] for one in chain] == ["order 8 has no items", "the shop is closed"]


def test_messages_keep_their_level(run: Run, project: Project):
    assert run("levels") == [200] * 6
    project.holds(
        (None, "a message at debug", "debug"),
        (None, "a message at info", "info"),
        (None, "a message at log", "info"),
        (None, "a message at warning", "warning"),
        (None, "a message at error", "error"),
        (None, "a message at fatal", "critical"),
    )


def test_tags_user_breadcrumbs_release_and_environment_are_kept(run: Run, project: Project):
    assert run("details") == [200]
    project.holds((None, "with details", "warning"))
    event = project.event("with details")
    assert event["tags"]["shop"] == "north"
    assert event["user"]["id"] == "u-1"
    assert "only a breadcrumb" in [crumb.get("message") for crumb in event["breadcrumbs"]]
    assert (event["release"], event["environment"]) == ("shop@1.2.3", "staging")


def test_big_events_arrive_cut_not_lost(run: Run, project: Project):
    assert run("big") == [200]
    project.holds((None, "z" * 8_192, "error"))


def test_unicode_arrives_whole_and_what_no_database_holds_is_replaced(run: Run, project: Project):
    assert run("unicode") == [200] * 2
    project.holds((None, "naïve \ufffd 日本語 \U0001f600", "info"), (None, "half a pair: \ufffd!", "info"))


def test_attachments_cost_nothing_and_are_no_events(run: Run, project: Project):
    assert run("attachments") == [200]
    project.holds((None, "with attachments", "error"))


def test_an_event_sent_twice_is_counted_once(run: Run, project: Project):
    assert run("duplicates") == [200] * 3
    project.holds((None, "sent twice", "warning"), (None, "sent once", "warning"))


def test_a_burst_is_counted_to_the_last_event(run: Run, project: Project):
    assert run("burst") == [200] * 200
    project.holds(*((None, f"burst {number}", "error") for number in range(10)), times=20)


def test_spans_sessions_and_logs_are_no_events(run: Run, project: Project):
    run("noise")
    project.holds((None, "inside a transaction", "info"))


def test_a_browser_that_asks_first_is_allowed(run: Run, project: Project):
    assert run("headers") == [200]
    project.holds((None, "after a preflight", "error"))


def test_an_envelope_through_a_tunnel_says_its_key_itself(run: Run, project: Project):
    assert run("tunnel") == [200]
    project.holds((None, "through a tunnel", "error"))


def test_what_a_pages_policy_blocked_is_reported_by_the_browser_itself(page: Page, site: str, project: Project):
    address = urlsplit(project.dsn)
    number = address.path.strip("/")
    page.goto(f"{site}/csp?http://{address.hostname}:{address.port}/api/{number}/security/?sentry_key={project.key}")
    project.holds((None, "Blocked 'img-src' from 'http://images.example/pear.png'", "warning"))
