from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.client import Client, ServiceUrls
from dashboards.pages.drop_reasons import reason
from dashboards.pages.intake import IntakePage
from dashboards.pages.intake_view import account_html, every_hour, hours_html, reasons_html, series
from dashboards.pages.project_page import Surroundings
from dashboards.records import IntakeHour, IntakeTotals
from tests.dashboards.fake_api import World
from tests.dashboards.fake_data import HOSTILE, an_id
from tests.dashboards.fake_intake import an_intake
from tests.dashboards.test_issues_page import quick, run, transport, until

SHOP, EMPTY = an_id("shop"), an_id("empty")
NOW = datetime(2026, 11, 25, 12, 34, tzinfo=UTC)


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
        totals = an_intake("hours=24")["totals"]
        async with open_page(world) as page:
            await until(lambda: "stored" in page.account.value)
            for number in (totals["accepted"], totals["stored"], sum(totals["dropped"].values()), totals["in_flight"]):
                assert f"<b>{number:,}</b>" in page.account.value
            assert "unaccounted" not in page.account.value
            assert len(page.bars.hours) == 24
            drawn = sum(sum(one["values"]) for one in page.bars.series)
            assert drawn == totals["accepted"]

    run(scene)


def test_what_spike_protection_dropped_is_said_with_what_to_do() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: 'data-reason="spike"' in page.reasons.value)
            assert "2,410" in page.reasons.value
            assert "Open Issues, sorted by events" in page.reasons.value
            assert "most by spike protection" in page.account.value
            assert [one["tone"] for one in page.bars.series] == ["stored", "spike", "discarded", "other", "waiting"]

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
            assert "Nothing arrived in this window" in page.hint.value

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


def test_hours_without_events_are_filled_in_and_none_is_lost() -> None:
    given = [IntakeHour(at(9), 3, 3), IntakeHour(at(12), 1, 1)]
    hours = every_hour(given, 5, NOW)
    assert [hour.accepted for hour in hours] == [0, 3, 0, 0, 1]
    assert datetime.fromisoformat(hours[0].hour) == NOW.replace(minute=0) - timedelta(hours=4)


def test_an_hour_that_begins_before_this_clock_says_is_still_shown() -> None:
    assert [hour.accepted for hour in every_hour([IntakeHour(at(13), 4, 4)], 3, NOW)] == [0, 0, 4]


def test_counts_that_do_not_add_up_are_said() -> None:
    assert "unaccounted" in account_html(IntakeTotals(accepted=10, stored=8, in_flight=1))
    assert 'data-verdict="kept"' in account_html(IntakeTotals(accepted=10, stored=9, in_flight=1))


def test_reasons_that_services_may_give_later_are_shown_by_their_word() -> None:
    assert reason("solar_flare").name == "solar flare"


ATTACK = f"\"'>{HOSTILE}"
ATTACKED = IntakeHour(ATTACK, 5, 2, {ATTACK: 3})


@pytest.mark.parametrize(
    "html",
    [
        account_html(IntakeTotals(5, 2, 0, {ATTACK: 3})),
        reasons_html(IntakeTotals(5, 2, 0, {ATTACK: 3})),
        hours_html([ATTACKED]),
    ],
)
def test_nothing_that_the_service_says_becomes_markup(html: str) -> None:
    assert "<script" not in html
    assert "<img" not in html


def test_bars_have_whole_numbers_for_every_hour() -> None:
    made: list[Any] = series([IntakeHour(at(1), 5, 2, {"spike": 3}), IntakeHour(at(2), 2, 1), IntakeHour(at(3))])
    assert [(one.tone, one.values) for one in made] == [
        ("stored", [2, 1, 0]),
        ("spike", [3, 0, 0]),
        ("waiting", [0, 1, 0]),
    ]
