import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.errors import WrongShapeError
from atlas_core.events import Event, ExceptionValue, Level
from atlas_core.grouping import DEFAULT, STRATEGIES, Grouping
from atlas_core.grouping.parts import NAMES, TAG
from atlas_core.grouping.rule_text import RuleSyntaxError
from atlas_core.grouping.subjects import KEYS
from atlas_core.grouping.variant import BESIDE_CONTENT, content_and_variant
from tests.unit.grouping.making import event, frame, raised

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_fingerprints_of_version_1_never_change(case):
    made = msgspec.convert(case["event"], Event)
    grouping = msgspec.convert(case["grouping"], Grouping)
    assert grouping.fingerprint(made).digest.hex() == case["digest"]


def test_every_strategy_is_held_by_golden_fingerprints():
    assert {case["grouping"].get("strategy", DEFAULT) for case in GOLDEN} == set(STRATEGIES)


@given(st.text(max_size=200), st.none() | st.text(max_size=10))
def test_the_default_is_the_sha_256_of_the_message_byte_for_byte(message, kind):
    found = Grouping().fingerprint(event(message, type=kind))
    assert found.digest == hashlib.sha256(message.encode()).digest()
    assert found.strategy == "message:1"


def test_the_default_is_that_of_the_message_as_it_was_reported():
    reported = hashlib.sha256(b"long").hexdigest()
    assert Grouping().fingerprint(event("cut", reported_sha256=reported)).digest.hex() == reported


def test_a_rule_goes_before_the_sdk_and_the_sdk_before_the_strategy():
    grouping = Grouping("normalized", "type:KeyError -> {{ default }}, rule")
    made = raised("KeyError", frame("get"), fingerprint=["sdk"])
    assert grouping.explained(made).explain[0] == "rule in line 1 matched: type:KeyError -> {{ default }}, rule"
    other = raised("ValueError", frame("get"), fingerprint=["sdk"])
    assert grouping.explained(other).explain == ("fingerprint of the SDK: sdk",)
    assert grouping.fingerprint(other).digest == Grouping().fingerprint(other).digest


def test_it_says_how_a_fingerprint_came_about():
    made = raised("KeyError", frame("get"), message="no order 17")
    assert Grouping().explained(made).explain == ("strategy message:1", "message, byte for byte")
    assert Grouping("normalized").explained(made).explain == (
        "strategy normalized:1", "type: KeyError", "message without what varies: no order <*>",
    )  # fmt: skip
    assert Grouping("stacktrace").explained(made).explain == (
        "strategy stacktrace:1", "crash: KeyError in shop.cart.get",
    )  # fmt: skip
    sdk = raised("KeyError", frame("get"), fingerprint=["{{ default }}", "x"])
    assert Grouping().explained(sdk).explain == (
        "fingerprint of the SDK: {{ default }}, x", "strategy message:1", "message, byte for byte",
    )  # fmt: skip


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_explaining_changes_nothing(strategy):
    for made in (event("a 1"), raised("KeyError", frame("get"), fingerprint=["{{ default }}", "x"])):
        grouping = Grouping(strategy, "level:warning -> x")
        asked, told = grouping.fingerprint(made), grouping.explained(made)
        assert (asked.digest, asked.strategy, asked.explain) == (told.digest, told.strategy, ())
        assert told.explain


def test_it_is_stored_as_json():
    grouping = Grouping("stacktrace", "type:A -> b\ntype:C -> d")
    assert msgspec.json.decode(msgspec.json.encode(grouping), type=Grouping) == grouping
    assert msgspec.json.encode(Grouping()) == b"{}"


def test_an_unknown_strategy_and_wrong_rules_are_refused():
    with pytest.raises(WrongShapeError, match="strategy is one of message, normalized, stacktrace"):
        Grouping("nonsense")
    with pytest.raises(RuleSyntaxError, match="line 2, column 1"):
        Grouping(rules="type:A -> b\nnonsense")


def test_it_tells_whether_tags_may_decide():
    assert not Grouping(rules="type:A -> b").looks_at_tags
    assert Grouping(rules="type:A -> b\ntags.x:1 -> b").looks_at_tags
    assert Grouping(rules="type:A -> {{ tags.x }}").looks_at_tags


LOOKING = [
    *[(key, f"{key}:{'error' if key == 'level' else '*1*'} -> one, {{{{ default }}}}") for key in KEYS],
    *[(name, f"type:* -> {{{{ {name} }}}}") for name in NAMES if not name.startswith(TAG)],
]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("name", "rule"), LOOKING)
def test_events_of_one_content_have_one_fingerprint_when_nothing_else_is_looked_at(name, rule, strategy):
    grouping = Grouping(strategy, rule)
    one = raised("KeyError", frame("get1", module="m1", filename="1.py"), message="no order 1")
    one = msgspec.structs.replace(one, level=Level.INFO, logger="1", transaction="1", release="1", environment="1")
    other = msgspec.structs.replace(
        one, level=Level.ERROR, logger="2", transaction="2", release="2", environment="2", tags={"a": "b"}
    )
    (content, variant), (other_content, other_variant) = content_and_variant(one), content_and_variant(other)
    assert content == other_content
    assert variant != other_variant
    assert grouping.looks_at_content_only == (name not in BESIDE_CONTENT)
    if grouping.looks_at_content_only:
        assert grouping.fingerprint(one) == grouping.fingerprint(other)


def test_an_sdks_fingerprint_may_ask_for_anything_so_its_content_is_its_variant():
    one = event("boom", fingerprint=["{{ release }}"], release="1")
    other = msgspec.structs.replace(one, release="2")
    assert content_and_variant(one) != content_and_variant(other)
    assert len({*content_and_variant(one)}) == 1
    assert Grouping().fingerprint(one) != Grouping().fingerprint(other)


changes = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.uuids(),
        "server_name": st.text(max_size=5),
        "user": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "tags": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
        "extra": st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        "template": st.text(max_size=5),
        "stack_trace": st.text(max_size=5),
        "platform": st.sampled_from(["python", "java", None]),
    },
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(changes, st.text(max_size=5), st.integers(1, 99))
def test_events_of_one_variant_have_one_fingerprint(strategy, changed, value, lineno):
    rules = "message:z -> x\ntype:KeyError function:get path:*a.py !release:* -> {{ default }}, {{ module }}"
    made = raised("KeyError", frame("get", filename="a.py"), message="no order 17")
    error = ExceptionValue(type="KeyError", value=value, frames=[frame("get", filename="a.py", lineno=lineno)])
    other = msgspec.structs.replace(made, exceptions=[error], **changed)
    assert content_and_variant(made) == content_and_variant(other)
    for grouping in (Grouping(strategy), Grouping(strategy, rules)):
        assert grouping.fingerprint(made) == grouping.fingerprint(other)
