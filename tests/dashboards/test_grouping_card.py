"""Similar issues, and merging by hand: what is offered, what happens, and how it is taken back."""

import pytest

from dashboards.pages.grouping_card import GroupingCard
from dashboards.pages.issues import IssuesPage
from dashboards.records import Example, Fingerprint, Issue, Lookalike, Similar
from tests.dashboards.fake_api import EMAIL, World
from tests.dashboards.fake_data import HOSTILE, an_id, an_issue
from tests.dashboards.test_issues_page import SHOP, open_page, run, text_of, until

TITLES = ("cart is empty for customer 1", "cart is empty for customer 2", "Disk is full")
AT = "2026-11-25T12:00:00Z"
ATTACK = f"\"'>{HOSTILE}"


def carts() -> World:
    return World(issues=[an_issue(title, count=number + 3) for number, title in enumerate(TITLES)])


async def opened(page: IssuesPage) -> None:
    await until(lambda: "data-similar" in text_of(page))


def merge(page: IssuesPage) -> None:
    page.detail.grouping.similar.children[1].children[1].click()


def test_what_looks_alike_is_offered_with_reasons_and_a_link() -> None:
    async def scene(_world: World) -> None:
        async with open_page(carts(), project=SHOP, issue=an_id(TITLES[0])) as page:
            await opened(page)
            assert text_of(page).count("data-similar") == 1
            assert "% alike: both say: cart" in text_of(page)
            assert f'href="?project={SHOP}&amp;issue={an_id(TITLES[1])}"' in text_of(page)

    run(scene)


def test_merging_brings_the_events_over_and_taking_out_gives_them_back() -> None:
    async def scene(world: World) -> None:
        world.issues[:] = carts().issues
        async with open_page(world, project=SHOP, issue=an_id(TITLES[0])) as page:
            await opened(page)
            merge(page)
            await until(lambda: "2 fingerprints in this issue" in text_of(page))
            assert "<b>7</b>" in page.detail.children[0].value
            assert f"merged <b>{TITLES[1]}</b> into it" in page.detail.history.list.value
            await until(lambda: len(page.table.rows) == 2)
            assert "No other issue looks like this one." in text_of(page)
            page.detail.grouping.parts.children[2].children[1].click()
            await until(lambda: "<b>3</b>" in page.detail.children[0].value)
            await until(lambda: len(page.table.rows) == 3)
            await until(lambda: "2 fingerprints" not in text_of(page))

    run(scene)


def test_what_cannot_be_taken_out_says_why() -> None:
    async def scene(world: World) -> None:
        world.issues[:] = carts().issues
        async with open_page(world, project=SHOP, issue=an_id(TITLES[0])) as page:
            await opened(page)
            merge(page)
            await until(lambda: "2 fingerprints in this issue" in text_of(page))
            page.detail.grouping.parts.children[1].children[1].click()
            await until(lambda: "keeps at least one of its fingerprints" in page.detail.grouping.note.value)

    run(scene)


def test_an_issue_merged_away_while_it_is_shown_leads_to_the_other() -> None:
    async def scene(world: World) -> None:
        world.issues[:] = carts().issues
        async with open_page(world, project=SHOP, issue=an_id(TITLES[1])) as page:
            await opened(page)
            body = {"into": an_id(TITLES[0]), "issues": [an_id(TITLES[1])]}
            world.workflow.grouping.merge(world.issues, body, "bob@example.com")
            await until(lambda: "Merged into another issue" in text_of(page))
            page.address.params = {"project": SHOP, "issue": an_id(TITLES[0])}
            await until(lambda: "<b>7</b>" in page.detail.children[0].value)

    run(scene)


def test_lookalikes_that_cannot_be_had_leave_the_issue_alone() -> None:
    async def scene(_world: World) -> None:
        world = carts()
        world.broken.add("similar")
        async with open_page(world, project=SHOP, issue=an_id(TITLES[0])) as page:
            await until(lambda: "answered 503" in page.detail.grouping.similar.children[0].value)
            assert TITLES[0] in page.detail.children[0].value

    run(scene)


@pytest.mark.parametrize("text", [ATTACK])
def test_nothing_in_the_card_becomes_markup(text: str) -> None:
    async def nothing(_issue: Issue, _what: str) -> None:
        return

    card = GroupingCard(nothing, nothing, lambda deed: deed.close())
    issue = Issue(id=text, project_id=text, title=text, level=text, count=1, status=text)
    lookalike = Lookalike(id=text, title=text, level=text, status=text, count=1)
    parts = [Fingerprint(text, text, 2, Example(text, text, text)), Fingerprint(text)]
    card.show(issue, [Similar(lookalike, 0.5, [text])], parts)
    shown = [line.children[0].value for box in (card.similar, card.parts) for line in box.children[1:]]
    assert len(shown) == 3
    assert not any("<script" in html or "<img" in html for html in shown)


def test_the_card_says_how_many_discarded_issues_a_change_of_the_grouping_brought_in() -> None:
    async def scene(world: World) -> None:
        world.issues[:] = carts().issues
        detail, user = {"merged": 3, "merged_discarded": 2}, {"id": an_id(EMAIL), "email": EMAIL}
        entry = {"action_id": "change", "kind": "regrouped", "at": AT, "detail": detail, "undone": False, "user": user}
        async with open_page(world, project=SHOP, issue=an_id(TITLES[0])) as page:
            await opened(page)
            assert page.detail.grouping.discards.value == ""
            world.workflow.activity[an_id(TITLES[0])] = [entry]
            await until(lambda: "2 discarded issues came into this one" in page.detail.grouping.discards.value)

    run(scene)
