from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from atlas_core.grouping.similarity import Appearance, SimilarIssues, appearance
from tests.unit.grouping.making import event, frame, raised


def issues(*messages):
    return [Appearance(UUID(int=n), "E", message) for n, message in enumerate(messages, start=1)]


SHOP = issues(
    "connection to db-1.example.com refused",
    "connection to 10.0.0.7 timed out",
    "order 5 has no lines",
    "order 6 has no customer",
    "cannot read /srv/a.json",
)


def test_the_most_alike_comes_first_with_its_reasons():
    asked = Appearance(UUID(int=99), "E", "connection to db-77.example.com refused by peer")
    [first, second] = SimilarIssues(SHOP).similar(asked, limit=2, at_least=0.2)
    assert (first.id, second.id) == (UUID(int=1), UUID(int=2))
    assert first.score > second.score
    assert first.reasons == ("both say: connection, refused", "both are E")


def test_messages_that_differ_in_what_varies_are_the_same():
    [found] = SimilarIssues(SHOP).similar(Appearance(UUID(int=99), "E", "order 1234 has no lines"), at_least=0.9)
    assert (found.id, found.score) == (UUID(int=3), 1.0)
    assert found.reasons[0] == "the same message but for what varies"


def test_an_issue_is_not_like_itself():
    index = SimilarIssues(SHOP)
    assert all(issue.id not in {found.id for found in index.similar(issue, 5, 0)} for issue in SHOP)


def test_a_shared_crash_site_raises_the_score_and_is_a_reason():
    one = appearance(UUID(int=1), raised("E", frame("charge"), message="card declined at once"))
    other = appearance(UUID(int=2), raised("E", frame("refund"), message="card declined at once"))
    asked = appearance(UUID(int=3), raised("E", frame("charge"), message="card declined at last"))
    [first, second] = SimilarIssues([other, one]).similar(asked, at_least=0)
    assert (first.id, second.id) == (one.id, other.id)
    assert "both raised in shop.cart.charge" in first.reasons
    assert not any("raised in" in reason for reason in second.reasons)


def test_nothing_alike_is_nothing_suggested():
    index = SimilarIssues(SHOP)
    assert index.similar(Appearance(UUID(int=9), None, "zzz qqq"), at_least=0.1) == []
    assert index.similar(Appearance(UUID(int=9), None, ""), at_least=0.5) == []
    assert SimilarIssues([]).similar(SHOP[0]) == []


def test_an_index_of_many_finds_what_an_index_of_few_finds():
    many = [
        Appearance(UUID(int=n + 100), "E", f"job {'abcdefghij'[n % 10]} of queue q{n} stalled") for n in range(9_000)
    ]
    asked = Appearance(UUID(int=99), "E", "order 1 has no lines")
    assert (
        SimilarIssues(SHOP + many).similar(asked, 1)[0].id == SimilarIssues(SHOP).similar(asked, 1)[0].id == UUID(int=3)
    )


@given(st.lists(st.text(max_size=40), max_size=8), st.text(max_size=40))
def test_scores_are_ratios_best_first(messages, asked):
    found = SimilarIssues(issues(*messages)).similar(Appearance(UUID(int=99), None, asked), 9, 0)
    scores = [suggestion.score for suggestion in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_an_event_without_exceptions_has_no_sites():
    assert appearance(UUID(int=1), event("x")) == Appearance(UUID(int=1), None, "x")
