import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from atlas_sdk.bodies import body_of, slimmed

ESSENTIAL = {"event_id", "level", "message", "stack_trace", "timestamp", "type"}


def event(**parts: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"event_id": "e" * 32, "level": "error", "message": "m", "stack_trace": "t", "type": None}
    return {**made, "timestamp": "2026-11-25T10:00:00Z", "user": {}, "contexts": {}, "extra": {}, "tags": {}, **parts}


def frame(**parts: Any) -> dict[str, Any]:
    return {
        "function": "f",
        "pre_context": ["a" * 500] * 5,
        "context_line": "b",
        "post_context": ["c" * 500] * 5,
        **parts,
    }


def chain(frames: list[dict[str, Any]], number: int = 1) -> dict[str, Any]:
    return {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": frames}}] * number}


def sent(given_event: dict[str, Any]) -> dict[str, Any]:
    body = body_of(given_event)
    assert len(body) <= 900_000
    assert b"\n" not in body
    decoded: dict[str, Any] = json.loads(body)
    return decoded


def test_an_ordinary_event_is_sent_whole() -> None:
    whole = event(exception=chain([frame(vars={"a": "1"})]), breadcrumbs=[{"message": "x", "data": {}}])
    assert sent(whole) == whole


def test_long_texts_are_cut_and_say_so() -> None:
    found = sent(event(message="x" * 10_000, tags={"t": "x" * 2_000}, stack_trace="s" * 60_000))
    assert (len(found["message"]), len(found["tags"]["t"]), len(found["stack_trace"])) == (8_192, 1_000, 60_000)
    assert found["message"].endswith("(cut)")


def test_a_mapping_that_the_server_would_leave_out_loses_its_largest_parts_only() -> None:
    facts = {"small": "x", "large": ["y" * 8_000] * 20, "medium": "z" * 5_000}
    found = sent(event(contexts=dict(facts), extra=dict(facts), user=dict(facts), breadcrumbs=[{"data": dict(facts)}]))
    for mapping in (found["contexts"], found["extra"], found["user"], found["breadcrumbs"][0]["data"]):
        assert (mapping["small"], mapping["medium"]) == ("x", "z" * 5_000)
        assert mapping["large"].startswith("<left out: ")


def test_variables_go_first_then_source_then_the_story_and_the_message_last() -> None:
    variables = {f"v{n}": "x" * 1_000 for n in range(50)}
    story = {"breadcrumbs": [{"message": "y" * 8_000, "data": {}}] * 120, "user": {"id": 1}}
    light = sent(event(exception=chain([frame(vars=dict(variables)) for _ in range(50)])))
    assert "vars" not in light["exception"]["values"][0]["stacktrace"]["frames"][0]
    assert light["exception"]["values"][0]["stacktrace"]["frames"][0]["pre_context"]
    lighter = sent(event(exception=chain([frame() for _ in range(250)], 2), user={"id": 1}))
    assert lighter["exception"]["values"][0]["stacktrace"]["frames"][0]["pre_context"] == []
    assert lighter["user"] == {"id": 1}
    lightest = sent(event(exception=chain([frame() for _ in range(30)]), **story))
    assert (lightest["breadcrumbs"], lightest["user"]) == ([], {})
    assert lightest["exception"]["values"]
    bare = sent(event(exception=chain([frame(function="f" * 8_000) for _ in range(250)]), release="r"))
    assert bare.keys() == ESSENTIAL | {"release"}


def test_a_slimmed_body_keeps_what_makes_the_issue() -> None:
    body = body_of(event(exception=chain([frame()]), extra={"a": 1}, release="r", sdk={"name": "n"}))
    found = json.loads(slimmed(body))
    assert found.keys() == ESSENTIAL | {"release", "sdk"}
    assert slimmed(slimmed(body)) == slimmed(body)


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text()), max_size=5))
def test_any_plain_facts_survive_when_they_are_small(facts: dict[str, Any]) -> None:
    assert sent(event(extra=facts))["extra"] == facts
