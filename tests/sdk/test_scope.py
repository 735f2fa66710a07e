from atlas_sdk.levels import level_of
from atlas_sdk.scope import BREADCRUMBS, Scope


def test_a_scope_begins_as_a_copy_and_then_goes_its_own_way() -> None:
    parent = Scope()
    parent.set_tag("a", 1)
    parent.add_breadcrumb("before")
    child = Scope(parent)
    child.set_tag("b", 2)
    child.set_context("c", {"x": 1})
    child.set_extra("e", 1)
    child.set_user({"id": 1})
    child.add_breadcrumb("after")
    assert (parent.tags, parent.contexts, parent.extra, parent.user) == ({"a": "1"}, {}, {}, {})
    assert child.tags == {"a": "1", "b": "2"}
    assert [step["message"] for step in child.breadcrumbs] == ["before", "after"]
    assert [step["message"] for step in parent.breadcrumbs] == ["before"]


def test_a_second_call_replaces_the_first() -> None:
    scope = Scope()
    for value in (1, 2):
        scope.set_tag("t", value)
        scope.set_extra("e", value)
        scope.set_context("c", {"v": value})
        scope.set_user({"id": value})
    assert (scope.tags, scope.extra, scope.contexts) == ({"t": "2"}, {"e": 2}, {"c": {"v": 2}})
    scope.set_user(None)
    assert scope.user == {}


def test_facts_and_steps_are_bounded_and_the_last_steps_stay() -> None:
    scope = Scope()
    for n in range(1_000):
        scope.set_tag(f"t{n}", n)
        scope.set_extra(f"e{n}", n)
        scope.set_context(f"c{n}", {})
        scope.add_breadcrumb(str(n))
    assert (len(scope.tags), len(scope.extra), len(scope.contexts)) == (200, 200, 200)
    assert [step["message"] for step in scope.breadcrumbs] == [str(n) for n in range(1_000 - BREADCRUMBS, 1_000)]


def test_the_facts_of_one_event_win_over_those_of_its_scope() -> None:
    scope = Scope()
    scope.set_tag("a", "scope")
    scope.set_user({"id": "scope"})
    joined = scope.joined({"a": "event"}, None, {"c": {}}, {"e": 1})
    assert (joined.tags, joined.user, joined.contexts, joined.extra) == (
        {"a": "event"}, {"id": "scope"}, {"c": {}}, {"e": 1},
    )  # fmt: skip
    assert scope.joined(None, {}, None, None).user == {}
    assert scope.tags == {"a": "scope"}


def test_levels_of_other_vocabularies_are_understood() -> None:
    assert [level_of(name) for name in ("DEBUG", "info", "warn", "Warning", "fatal", "critical", "error")] == [
        "debug", "info", "warning", "warning", "critical", "critical", "error",
    ]  # fmt: skip
    assert [level_of(name) for name in ("loud", None, 40)] == ["error"] * 3
