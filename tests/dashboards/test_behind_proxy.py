"""Behind a proxy that speaks TLS, as README recommends."""

from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.dashboards.browsing import Watch, sign_in
from tests.dashboards.conftest import Dashboards
from tests.servers.tls_proxy import tls_proxy

pytestmark = pytest.mark.slow


def test_signing_in_through_tls_sets_a_cookie_that_is_sent_through_tls_only(
    server: Dashboards, form: dict[str, str]
) -> None:
    with tls_proxy(urlsplit(server.url).port or 0) as (url, trust):
        headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
        with httpx.Client(base_url=url, verify=trust, headers=headers, trust_env=False) as visitor:
            answer = visitor.post("/sign-in", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/issues")
            assert "; Secure" in answer.headers["set-cookie"]
            ended = visitor.post("/sign-out")
            assert ended.headers["location"] == "/sign-in"
            assert "atlas_session" not in visitor.cookies


@pytest.mark.parametrize("protocol", ["https", "HTTPS", "https, http"])
def test_the_proxy_may_say_that_it_speaks_tls(server: Dashboards, form: dict[str, str], protocol: str) -> None:
    headers = {"X-Forwarded-Proto": protocol}
    answer = httpx.post(f"{server.url}/sign-in", data=form, headers=headers, trust_env=False)
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "X-Forwarded-Proto": "https"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
        {"Origin": "https://127.0.0.1"},  # another port is another site
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "X-Forwarded-Proto": "https"},
    ],
    ids=str,
)
def test_no_header_makes_another_site_ours(server: Dashboards, form: dict[str, str], headers: dict[str, str]) -> None:
    for path in ("/sign-in", "/sign-out"):
        answer = httpx.post(f"{server.url}{path}", data=form, headers=headers, trust_env=False)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


@pytest.mark.live
def test_a_page_is_live_through_tls(server: Dashboards, browser: Browser, form: dict[str, str], watch: Watch) -> None:
    with tls_proxy(urlsplit(server.url).port or 0) as (url, _trust):
        context = browser.new_context(base_url=url, ignore_https_errors=True)
        page = context.new_page()
        watch.over(page, urlsplit(url).netloc)
        sign_in(page, form)
        expect(page.locator("#atlas-live")).to_have_text("Live")
        page.locator("tr[data-id]").first.click()  # over the kernel's websocket
        expect(page.locator(".atlas-name")).to_contain_text("KeyError")
        assert [cookie["secure"] for cookie in context.cookies() if cookie["name"] == "atlas_session"] == [True]
        context.close()
    assert watch.foreign == []
    assert watch.errors == []
