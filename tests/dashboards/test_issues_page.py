import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

import httpx
import ipywidgets
import pytest

from dashboards.client import ApiError, Client, ServiceUrls, SessionEndedError, sign_in
from dashboards.pages.insight_card import InsightCard
from dashboards.pages.issues import IssuesPage
from dashboards.pages.project_page import Surroundings
from dashboards.polling import Tasks, poll
from dashboards.visit import take_visit
from tests.dashboards.fake_api import EMAIL, PASSWORD, World
from tests.dashboards.fake_data import an_id, an_issue

SHOP, EMPTY = an_id("shop"), an_id("empty")


def transport(world: World) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        query = request.url.query.decode()
        status, body = world.answer(request.method, request.url.path, query, token, request.content)
        return httpx.Response(status, json=body)

    return httpx.MockTransport(answer)


async def quick(_wait_s: float) -> None:
    await asyncio.sleep(0.005)


@asynccontextmanager
async def open_page(world: World, **query: str) -> AsyncIterator[IssuesPage]:
    client = Client(ServiceUrls(), "a-token", transport(world))
    page = IssuesPage(client, query, Surroundings(sleep=quick)).start()
    try:
        yield page
    finally:
        page.stop()
        await client.close()


async def until(true: Callable[[], object]) -> None:
    """Return when `true()` is; fail after some seconds."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the page has no event to wait for
            await asyncio.sleep(0.005)


def run(scene: Callable[[World], Awaitable[None]], world: World | None = None) -> None:
    asyncio.run(scene(world or World()))


def text_of(page: IssuesPage) -> str:
    """Every HTML value of the detail."""
    return "".join(_html_in(page.detail))


def _html_in(widget: ipywidgets.Widget) -> Iterator[str]:
    if isinstance(widget, ipywidgets.HTML):
        yield widget.value
    for child in getattr(widget, "children", ()):
        yield from _html_in(child)


def test_the_first_project_is_chosen_and_its_issues_are_listed() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            assert page.projects.value == SHOP
            assert len(page.table.rows) == len(world.issues)
            assert page.table.summary == "13 issues"
            assert "<b>10</b>" in page.tiles.value
            assert page.address.params == {"project": SHOP}

    run(scene)


def test_an_issue_that_arrives_later_appears_by_itself() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            world.issues.append(an_issue("A late one", last_seen="2999-01-01T00:00:00Z"))
            await until(lambda: page.table.rows[0]["title"] == "A late one")

    run(scene)


def test_a_deep_link_opens_its_issue_with_trace_insight_and_events() -> None:
    async def scene(world: World) -> None:
        issue = world.issues[0]["id"]
        async with open_page(world, project=SHOP, issue=issue) as page:
            await until(lambda: 'data-insight="ready"' in text_of(page) and "shop@1.4.2" in text_of(page))
            assert "cart.py:88" in text_of(page)
            assert page.address.params == {"project": SHOP, "issue": issue}

    run(scene)


def test_a_link_to_an_issue_of_another_project_says_that_it_is_not_there() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=an_id("elsewhere")) as page:
            await until(lambda: "Issue not found" in text_of(page))

    run(scene)


def test_choosing_another_project_closes_the_issue_and_says_how_to_send_a_first_event() -> None:
    async def scene(world: World) -> None:
        async with open_page(world, project=SHOP, issue=world.issues[0]["id"]) as page:
            await until(lambda: page.table.rows)
            page.projects.value = EMPTY
            await until(lambda: "api/ingest/events" in page.hint.value)
            assert page.table.selected == ""
            assert page.address.params == {"project": EMPTY}

    run(scene)


def test_back_returns_to_the_project_and_the_issue() -> None:
    async def scene(world: World) -> None:
        issue = world.issues[1]["id"]
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            page.projects.value = EMPTY
            page.address.params = {"project": SHOP, "issue": issue, "q": "timeout"}
            assert (page.projects.value, page.table.selected, page.table.query) == (SHOP, issue, "timeout")
            assert page.address.params == {"project": SHOP, "issue": issue, "q": "timeout"}

    run(scene)


def test_a_visitor_without_projects_is_told_how_to_make_one() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: "create-project" in page.notice.value)

    run(scene, World(projects=[]))


def test_a_broken_issue_service_is_said_and_forgotten_when_it_is_back() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            world.broken.add("overview")
            await until(lambda: "answered 503" in page.notice.value)
            assert page.table.rows
            world.broken.clear()
            await until(lambda: not page.notice.value)

    run(scene)


def test_a_broken_alert_service_leaves_the_issues_alone() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: "answered 503" in page.alerts.children[1].value)
            await until(lambda: page.table.rows)
            assert not page.notice.value

    run(scene, World(broken={"alerts"}))


def test_acknowledging_an_alert_lowers_the_unread_count() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: "2 unread" in page.alerts.children[0].value)
            page.alerts.children[2].children[0].children[1].click()
            await until(lambda: "1 unread" in page.alerts.children[0].value)
            assert sum(not alert["acknowledged"] for alert in world.alerts) == 1

    run(scene)


def test_a_refused_token_ends_the_page_with_a_way_back_in() -> None:
    async def scene(world: World) -> None:
        async with open_page(world) as page:
            await until(lambda: page.table.rows)
            world.refuses_tokens = True
            await until(lambda: "Sign in again" in page.notice.value)

    run(scene)


@pytest.mark.parametrize("state", ["failed", "none"])
def test_an_insight_that_will_not_come_shows_the_reason(state: str) -> None:
    ticks = count(step=10)

    async def scene(world: World) -> None:
        client = Client(ServiceUrls(), "a-token", transport(world))
        card = InsightCard(client, sleep=quick, clock=lambda: next(ticks))
        await card.follow("an-issue")
        assert "run `ollama pull llama3.2:3b`" in card.value
        assert f'data-insight="{state}"' in card.value

    wait = {"error": "no insight", "state": state, "reason": "run `ollama pull llama3.2:3b`", "attempts": 2}
    run(scene, World(insight=None, wait=wait))


def test_waiting_for_an_insight_ends_after_a_minute() -> None:
    now = 0.0

    async def pass_time(wait_s: float) -> None:
        nonlocal now
        now += wait_s

    async def scene(world: World) -> None:
        client = Client(ServiceUrls(), "a-token", transport(world))
        card = InsightCard(client, sleep=pass_time, clock=lambda: now)
        await card.follow("an-issue")
        assert 'data-insight="timeout"' in card.value
        assert "queued" in card.value
        assert 50 < now <= 60

    run(scene, World(insight=None))


def test_polling_waits_longer_after_each_failure_and_stops_at_a_refused_token() -> None:
    waits: list[float] = []
    answers = iter([None, ApiError("no"), ApiError("no"), None, SessionEndedError("over")])

    async def load() -> None:
        if error := next(answers):
            raise error

    async def note(wait_s: float) -> None:
        waits.append(wait_s)

    with pytest.raises(SessionEndedError):
        asyncio.run(poll(load, lambda _error, _wait_s: None, note))
    assert waits == [2, 4, 8, 2]


def test_an_exception_in_a_task_is_told() -> None:
    told: list[BaseException] = []

    async def fail() -> None:
        raise ApiError("lost")

    async def scene() -> None:
        Tasks(told.append).start(fail())
        await until(lambda: told)

    asyncio.run(scene())
    assert str(told[0]) == "lost"


def test_an_answer_of_another_shape_is_an_error_of_that_service() -> None:
    odd = httpx.MockTransport(lambda _request: httpx.Response(200, json={"projects": 3}))
    with pytest.raises(ApiError, match="identity service gave an answer"):
        asyncio.run(Client(ServiceUrls(), "a-token", odd).projects())


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    paths: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return httpx.Response(404, json={})

    with pytest.raises(ApiError):
        asyncio.run(Client(ServiceUrls(), "a-token", httpx.MockTransport(note)).issue("../x", "a?b#c"))
    assert paths == ["/projects/..%2Fx/issues/a%3Fb%23c"]


def test_a_client_does_not_print_its_token() -> None:
    assert "a-token" not in repr(vars(Client(ServiceUrls(), "a-token")))


@pytest.mark.parametrize(("password", "found"), [(PASSWORD, True), ("wrong", False)])
def test_signing_in_gives_a_token_or_nothing(password: str, found: bool) -> None:  # noqa: FBT001 - a case
    token = asyncio.run(sign_in("http://identity", EMAIL, password, transport(World())))
    assert (token is not None) is found


def test_a_visit_is_taken_out_of_the_environment() -> None:
    environ = {"ATLAS_VISITOR_TOKEN": "t", "QUERY_STRING": "project=a&q=b+c", "HTTP_COOKIE": "x", "PATH": "/bin"}
    visit = take_visit(environ)
    assert (visit.token, visit.query) == ("t", {"project": "a", "q": "b c"})
    assert environ == {"PATH": "/bin"}
    assert "token" not in repr(visit)
