"""One event of an issue: its parts as markup, and the way from one to the next."""

from typing import Any

import pytest

from dashboards.event_view import LONGEST_JSON, crumbs_html, exceptions_html, facts_html, more_html
from dashboards.pages.issues import IssuesPage
from dashboards.records import ExceptionValue, Frame, FullEvent, Grouping
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import HOSTILE, TRACE, an_id, an_issue, events_of
from tests.dashboards.test_issues_page import SHOP, open_page, run, text_of, until

ATTACK = f"\"'>{HOSTILE}"


def ids(world: World) -> list[str]:
    """The events of the first issue, newest first."""
    return [event["event_id"] for event in events_of(world.issues[:1], world.issues[0]["id"])]


async def shows(page: IssuesPage, event_id: str) -> None:
    await until(lambda: event_id in page.detail.event.html)


def test_the_newest_event_is_shown_with_its_code_tags_and_breadcrumbs() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, issue=world.issues[0]["id"]) as page:
            await shows(page, ids(world)[0])
            html = page.detail.event.html
            assert html.index("KeyError") < html.index("caused by")
            assert '<span class="atlas-here">   88  ' in html
            assert "   87  " in html
            assert "eu-central" in html
            assert "SELECT * FROM carts" in html
            assert "Grouped by message" in html
            assert page.detail.event.newer.disabled

    run(scene)


def test_older_and_newer_lead_from_event_to_event_and_are_kept_in_the_address() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, issue=world.issues[0]["id"]) as page:
            newest, second, third, *_, oldest = ids(world)
            await shows(page, newest)
            for event_id in (second, third):
                page.detail.event.older.click()
                await shows(page, event_id)
            assert page.address.params == {"project": SHOP, "issue": world.issues[0]["id"], "event": third}
            page.detail.event.newer.click()
            await shows(page, second)
            page.address.params = {"project": SHOP, "issue": world.issues[0]["id"], "event": oldest}
            await shows(page, oldest)
            assert page.detail.event.older.disabled
            page.address.params = {"project": SHOP, "issue": world.issues[0]["id"]}
            await shows(page, newest)

    run(scene)


def test_a_link_to_an_event_opens_it_and_another_issue_its_own_newest() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=world.issues[0]["id"], event=ids(world)[3]) as page:
            await shows(page, ids(world)[3])
            page.table.selected = world.issues[1]["id"]
            await shows(page, events_of(world.issues[1:2], world.issues[1]["id"])[0]["event_id"])
            assert page.address.params == {"project": SHOP, "issue": world.issues[1]["id"]}

    run(scene)


def test_typing_a_filter_does_not_load_the_open_issue_again() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=world.issues[0]["id"], event=ids(world)[3]) as page:
            await shows(page, ids(world)[3])
            world.broken.add(ids(world)[3])
            page.table.query = "timeout"
            await until(lambda: page.table.summary == "1 issue")
            assert "answered 503" not in text_of(page)

    run(scene)


def test_an_event_that_is_no_longer_kept_says_so() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=world.issues[0]["id"], event=an_id("gone")) as page:
            await until(lambda: "no longer kept" in page.detail.event.html)
            assert page.detail.event.older.disabled

    run(scene)


def test_an_event_that_cannot_be_loaded_says_so_and_the_rest_is_there() -> None:
    async def scene(world: World) -> None:
        world.broken.add(ids(world)[0])
        async with open_page(world, project=SHOP, issue=world.issues[0]["id"]) as page:
            await until(lambda: "answered 503" in page.detail.event.html)
            assert ids(world)[1] in text_of(page)

    run(scene)


def everywhere(text: str) -> FullEvent:
    """An event all of whose texts are this one."""
    frame = Frame(
        filename=text, abs_path=text, function=text, module=text, lineno=1, in_app=True, pre_context=[text],
        context_line=text, post_context=[text], vars={text: text, "nested": {text: [text]}},
    )  # fmt: skip
    names = ("event_id", "level", "message", "stack_trace", "timestamp", "platform", "environment", "release")
    more = ("server_name", "logger", "transaction")
    texts: dict[str, Any] = dict.fromkeys((*names, *more), text)
    return FullEvent(
        **texts,
        exceptions=[ExceptionValue(type=text, value=text, module=text, handled=False, frames=[frame])] * 2,
        grouping=Grouping(text, text, [text]),
        user={text: text}, request={text: text}, tags={text: text}, contexts={text: text}, extra={text: text},
        breadcrumbs=[{"timestamp": text, "category": text, "message": text}, {"data": {text: text}}, {"message": 7}],
    )  # fmt: skip


@pytest.mark.parametrize("part", [facts_html, exceptions_html, crumbs_html, more_html])
def test_nothing_in_an_event_becomes_markup(part: Any) -> None:
    html = part(everywhere(ATTACK))
    assert "<script" not in html
    assert "<img" not in html
    assert "window.stolen" in html


def test_an_event_without_frames_shows_its_message_and_its_trace_as_text() -> None:
    html = exceptions_html(FullEvent(event_id="e", message="it broke", stack_trace=TRACE))
    assert "it broke" in html
    assert "cart.py:88" in html


def test_a_frame_without_code_is_one_line() -> None:
    event = FullEvent(event_id="e", exceptions=[ExceptionValue(type="E", frames=[Frame(module="shop.cart")])])
    assert '<div class="atlas-where">shop.cart:? in <b>?</b></div>' in exceptions_html(event)


def test_what_is_too_long_is_cut_and_says_so() -> None:
    html = more_html(FullEvent(event_id="e", extra={"blob": "x" * 2 * LONGEST_JSON}))
    assert len(html) < LONGEST_JSON * 1.1
    assert "Cut after 20,000 characters" in html


def test_an_issue_whose_events_are_gone_shows_its_last_trace() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, issue=world.issues[0]["id"]) as page:
            await until(lambda: "no longer kept" in page.detail.event.html)
            assert "cart.py:88" in page.detail.event.html

    class Forgetful(World):
        def answer(self, method: str, path: str, *rest: Any) -> Any:
            if path.endswith("/events"):
                return 200, {"events": [], "next_cursor": None}
            return super().answer(method, path, *rest)

    run(scene, Forgetful(issues=[an_issue("Old")]))
