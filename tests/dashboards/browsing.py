"""What tests in a browser share: what a page did beside what one sees, and signing in."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

ARTIFACTS = Path(__file__).parents[2] / "artifacts" / "dashboards"
SLOW_MS = 40_000
_NAMELESS = """() => [...document.querySelectorAll("button, input, select, textarea, svg[tabindex]")]
  .filter((one) => one.checkVisibility() && one.type !== "hidden")
  .filter((one) => ![one.textContent && one.tagName === "BUTTON", one.labels?.length, one.ariaLabel].some(Boolean))
  .map((one) => one.outerHTML.slice(0, 200))"""


@dataclass
class Watch:
    """What a page did beside what one sees."""

    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def over(self, page: Page, host: str) -> None:
        """Note requests to other hosts, errors of the console and of scripts."""
        page.on("request", lambda r: None if self._ours(r.url, host) else self.foreign.append(r.url))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _ours(self, url: str, host: str) -> bool:
        parts = urlsplit(url.removeprefix("blob:"))
        return parts.scheme == "data" or parts.netloc == host


def sign_in(page: Page, form: dict[str, str], path: str = "/", shows: str = "tr[data-id]") -> None:
    """Open a page as a visitor who has to sign in first, and wait until it shows something."""
    page.goto(path)
    page.get_by_label("Email").fill(form["email"])
    page.get_by_label("Password").fill(form["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(shows).first).to_be_visible(timeout=SLOW_MS)


def looks(page: Page, name: str) -> None:
    """Keep pictures of the page in light, dark and 390 px; nothing may be wider than the window, or without a name."""
    page.screenshot(path=ARTIFACTS / f"{name}-light.png")
    page.get_by_role("button", name="Switch between dark and light").click()
    page.screenshot(path=ARTIFACTS / f"{name}-dark.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=ARTIFACTS / f"{name}-mobile.png")
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    assert page.evaluate(_NAMELESS) == []
