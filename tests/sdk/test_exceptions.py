from typing import Any

from atlas_sdk.exceptions import EXCEPTIONS, catch, exception_data


def caught(error: BaseException) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = exception_data(catch(error, with_variables=False), "test", handled=False)["values"]
    return values


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        if cause is None:
            raise error
        raise error from cause
    except BaseException as found:
        return found


def test_a_cause_comes_before_what_it_caused() -> None:
    first, last = caught(raised(KeyError("late"), raised(ValueError("early"))))
    assert (first["type"], first["value"], last["type"], last["value"]) == ("ValueError", "early", "KeyError", "'late'")
    assert first["mechanism"] == {
        "type": "chained", "handled": False, "parent_id": 0, "source": "__cause__", "exception_id": 1,
    }  # fmt: skip
    assert last["mechanism"] == {"type": "test", "handled": False, "exception_id": 0}
    assert [len(value["stacktrace"]["frames"]) for value in (first, last)] == [1, 1]


def test_what_was_being_handled_is_told_unless_it_is_suppressed() -> None:
    def failing(*, suppressed: bool) -> None:
        try:
            raise ValueError("handled")
        except ValueError:
            if suppressed:
                raise KeyError("k") from None
            raise KeyError("k")  # noqa: B904 - the implicit context is what is tested

    found = {}
    for suppressed in (True, False):
        try:
            failing(suppressed=suppressed)
        except KeyError as error:
            found[suppressed] = [(value["type"], value["mechanism"].get("source")) for value in caught(error)]
    assert found == {True: [("KeyError", None)], False: [("ValueError", "__context__"), ("KeyError", None)]}


def test_a_cause_hides_the_context() -> None:
    error = raised(KeyError("k"), ValueError("cause"))
    error.__context__ = TypeError("context")
    assert [value["type"] for value in caught(error)] == ["ValueError", "KeyError"]


def test_the_members_of_a_group_name_their_parent() -> None:
    inner = ExceptionGroup("inner", [KeyError("k")])
    group = raised(ExceptionGroup("outer", [ValueError("v"), inner]), TypeError("cause"))
    values = {value["mechanism"]["exception_id"]: value for value in caught(group)}
    assert caught(group)[-1]["value"] == "outer"
    assert values[0]["mechanism"]["is_exception_group"] is True
    told = {
        (value["type"], value["mechanism"]["source"], values[value["mechanism"]["parent_id"]]["value"])
        for value in values.values()
        if "parent_id" in value["mechanism"]
    }
    assert told == {
        ("TypeError", "__cause__", "outer"),
        ("ValueError", "exceptions[0]", "outer"),
        ("ExceptionGroup", "exceptions[1]", "outer"),
        ("KeyError", "exceptions[0]", "inner"),
    }


def test_the_message_of_a_group_is_the_same_however_many_members_it_has() -> None:
    values = {catch(ExceptionGroup("g", [ValueError()] * n), with_variables=False)[0].value for n in (1, 2, 3)}
    assert values == {"g"}


def test_a_ring_of_causes_ends() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert [value["value"] for value in caught(one)] == ["other", "one"]


def test_a_long_chain_and_a_large_group_are_cut() -> None:
    error: BaseException = ValueError("0")
    for n in range(1, 100):
        error = raised(ValueError(str(n)), error)
    assert len(caught(error)) == EXCEPTIONS
    assert caught(error)[-1]["value"] == "99"
    assert len(caught(ExceptionGroup("g", [ValueError(str(n)) for n in range(1_000)]))) == EXCEPTIONS


def test_notes_follow_the_value() -> None:
    error = ValueError("v")
    error.add_note("see the manual")
    assert caught(error)[0]["value"] == "v\nsee the manual"


def test_a_class_of_a_module_is_named_with_it() -> None:
    class OrderError(Exception):
        pass

    (value,) = caught(OrderError())
    assert (value["type"], value["module"], value["value"]) == ("OrderError", __name__, "")
