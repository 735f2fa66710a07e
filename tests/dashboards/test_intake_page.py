from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dashboards.client import Client, ServiceUrls
from dashboards.pages.intake import IntakePage
from dashboards.pages.intake_view import Balance, account_html, discarded_html, hours_html, reasons_html, series
from dashboards.pages.loss_reasons import reason
from dashboards.pages.project_page import Surroundings
from dashboards.records import Audited, IntakeHour, Person
from tests.dashboards.fake_api import EMAIL, World
from tests.dashboards.fake_data import HOSTILE, an_id
from tests.dashboards.fake_intake import an_intake, sums
from tests.dashboards.test_issues_page import quick, run, transport, until

SHOP, EMPTY = an_id("shop"), an_id("empty")


def at(hour: int) -> str:
    return f"2026-11-25T{hour:02}:00:00Z"


@asynccontextmanager
async def open_page(world: World, **query: str) -> AsyncIterator[IntakePage]:
    client = Client(ServiceUrls(), "a-token", transport(world))
    page = IntakePage(client, query, Surroundings(sleep=quick)).start()
    try:
        yield page
    finally:
        page.stop()
        await client.close()


def test_accepted_is_shown_as_stored_dropped_and_in_flight() -> None:
    async def scene(world: World) -> None:
        assert world.issues
        sent = sums(an_intake("hours=24"))
        async with open_page(world) as page:
            await until(lambda: "stored" in page.account.value)
            dropped, refused = sent["dropped"].total(), sent["refused"].total()
            for number in (sent["accepted"], sent["stored"], dropped, sent["in_flight"], refused):
                assert f"<b>{number:,}</b>" in page.account.value
            assert "unaccounted" not in page.account.value
            assert len(page.bars.hours) == 24
            assert page.bars.hours == sorted(page.bars.hours)
            drawn = sum(sum(one["values"]) for one in page.bars.series)
            assert drawn == sent["accepted"] + refused

    run(scene)


def test_what_spike_protection_refused_is_said_with_what_to_do() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: 'data-reason="spike"' in page.reasons.value)
            assert "<b>2,410</b> <small>requests refused</small>" in page.reasons.value
            assert "Open Issues and sort by events" in page.reasons.value
            assert "2,480 requests" in page.account.value
            assert "refused, most by spike protection" in page.account.value
            assert "3 events (under 0.1 %) dropped" in page.account.value
            assert [one["tone"] for one in page.bars.series][:2] == ["stored", "waiting"]

    run(scene)


def test_issues_that_are_discarded_now_are_listed_with_the_way_to_undo_it() -> None:
    async def scene(world: World) -> None:
        kept, dropped = world.issues[:2]
        for issue in (kept, dropped):
            world.workflow.discard(issue, None, EMAIL)
        undone = next(iter(world.workflow.befores))
        world.workflow.answer("POST", ["actions", undone, "undo"], world.issues, EMAIL, {})
        async with open_page(world) as page:
            await until(lambda: "Discarded now" in page.reasons.value)
            assert f"issue={dropped['id']}" in page.reasons.value
            assert f"issue={kept['id']}" not in page.reasons.value
            assert EMAIL in page.reasons.value

    run(scene)


def test_another_window_is_asked_for_and_kept_in_the_address() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP) as page:
            await until(lambda: page.bars.hours)
            page.window.value = 168
            await until(lambda: len(page.bars.hours) == 168)
            assert page.address.params == {"project": SHOP, "hours": "168"}
            page.address.params = {"project": SHOP}
            await until(lambda: len(page.bars.hours) == 24)
            assert page.address.params == {"project": SHOP}

    run(scene)


@pytest.mark.parametrize("hours", ["72", "9999", "x"])
def test_a_link_opens_its_window_and_a_senseless_one_the_shortest(hours: str) -> None:
    async def scene(world: World) -> None:
        async with open_page(world, hours=hours) as page:
            await until(lambda: page.bars.hours)
            assert len(page.bars.hours) == (72 if hours == "72" else 24)

    run(scene)


def test_a_project_that_received_nothing_says_how_to_send() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=EMPTY) as page:
            await until(lambda: "api/ingest/events" in page.hint.value)
            assert "Nothing was sent in this window" in page.hint.value

    run(scene)


def test_a_service_that_does_not_answer_is_said_and_the_figures_stay() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.bars.hours)
            world.broken.add("intake")
            await until(lambda: "answered 503" in page.notice.value)
            assert "stored" in page.account.value
            world.broken.clear()
            await until(lambda: not page.notice.value)

    run(scene)


def test_a_refused_token_ends_the_page_with_a_way_back_in() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: "Sign in again" in page.notice.value)

    run(scene, World(refuses_tokens=True))


def test_counts_that_do_not_add_up_are_said() -> None:
    assert "unaccounted" in account_html(Balance.of([IntakeHour(at(1), accepted=10, stored=8, in_flight=1)]))


def test_it_is_said_when_nobody_knows_what_waits() -> None:
    hours = [IntakeHour(at(2), 9, 9), IntakeHour(at(1), 10, 5, 5, in_flight_is_known=False)]
    assert "The event log does not answer" in account_html(Balance.of(hours))
    assert "The event log does not answer" not in account_html(Balance.of(hours[:1]))


def test_what_came_twice_or_was_discarded_on_purpose_is_no_loss() -> None:
    hour = IntakeHour(at(1), 10, 5, 1, {"repeated": 2, "discarded": 2}, {"not_an_event": 7})
    assert 'data-verdict="kept"' in account_html(Balance.of([hour]))


def test_reasons_that_services_may_give_later_are_shown_by_their_word() -> None:
    assert reason("solar_flare").name == "solar flare"


ATTACK = f"\"'>{HOSTILE}"
AUDITED = Audited("discarded", ATTACK, {"issue_id": ATTACK, "title": ATTACK}, Person(ATTACK, ATTACK))
ATTACKED = [IntakeHour(ATTACK, 5, 2, 0, {ATTACK: 3}, {ATTACK: 2})]


@pytest.mark.parametrize(
    "html",
    [
        account_html(Balance.of(ATTACKED)),
        reasons_html(Balance.of(ATTACKED)),
        hours_html(ATTACKED),
        discarded_html(
            ATTACK, [Audited("discarded", ATTACK, {"issue_id": ATTACK, "title": ATTACK}, Person(ATTACK, ATTACK))]
        ),
    ],
)
def test_nothing_that_the_service_says_becomes_markup(html: str) -> None:
    assert "<script" not in html
    assert "<img" not in html


def test_bars_have_a_number_for_every_hour_and_the_most_first() -> None:
    hours = [IntakeHour(at(1), 5, 2, 0, {"discarded": 3}, {"quota": 1}), IntakeHour(at(2), 2, 1, 1, {}, {"spike": 8})]
    assert [(one.label, one.values) for one in series([*hours, IntakeHour(at(3))])] == [
        ("stored", [2, 1, 0]),
        ("in flight", [0, 1, 0]),
        ("dropped: discarded issues", [3, 0, 0]),
        ("refused: spike protection", [0, 8, 0]),
        ("refused: quota", [1, 0, 0]),
    ]
