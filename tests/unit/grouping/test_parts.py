import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.events import ExceptionValue
from atlas_core.grouping import STRATEGIES, Grouping
from tests.unit.grouping.making import event, frame, raised

CHARGE = frame("charge", "shop.pay")


def digest(parts, strategy="message", **fields):
    return Grouping(strategy).fingerprint(event(fingerprint=parts, **fields)).digest


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("parts", [[], ["{{ default }}"], ["{{default}}"], [" {{\tdefault }} "]])
def test_nothing_but_the_default_is_the_strategys_own(strategy, parts):
    made = raised("KeyError", CHARGE, fingerprint=parts)
    assert Grouping(strategy).fingerprint(made).digest == STRATEGIES[strategy](made)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_parts_beside_the_default_split_it(strategy):
    grouping = Grouping(strategy)

    def of(*parts, name="KeyError"):
        return grouping.fingerprint(raised(name, CHARGE, message=name, fingerprint=list(parts))).digest

    assert of("{{ default }}", "a") == of("{{default}}", "a")
    assert len({of("{{ default }}"), of("{{ default }}", "a"), of("{{ default }}", "b"), of("a")}) == 4
    assert of("{{ default }}", "a") != of("{{ default }}", "a", name="ValueError")
    assert of("a") == of("a", name="ValueError")


def test_the_split_into_parts_counts():
    assert len({digest(["a", "b"]), digest(["ab"]), digest(["a,b"]), digest(["b", "a"]), digest(["a", "b", "x"])}) == 5


def test_a_fingerprint_is_never_that_of_a_message():
    assert digest(["it broke"]) != hashlib.sha256(b"it broke").digest()


THROWN = {"exceptions": [ExceptionValue(type="E", frames=[CHARGE])]}


@pytest.mark.parametrize(
    ("name", "shown", "fields"),
    [
        ("type", "KeyError", {"type": "KeyError"}),
        ("message", "m", {"message": "m"}),
        ("transaction", "/pay", {"transaction": "/pay"}),
        ("release", "1.2", {"release": "1.2"}),
        ("environment", "prod", {"environment": "prod"}),
        ("logger", "shop", {"logger": "shop"}),
        ("level", "error", {}),
        ("tags.tier", "gold", {"tags": {"tier": "gold"}}),
        ("module", "shop.pay", THROWN),
        ("function", "charge", THROWN),
    ],
)
def test_placeholders_are_filled_from_the_event(name, shown, fields):
    assert digest([f"x-{{{{ {name} }}}}"], **fields) == digest([f"x-{shown}"])


def test_what_the_event_lacks_is_said_so():
    assert digest(["{{ release }}"]) == digest(["<no release>"])
    assert digest(["{{ tags.tier }}"]) == digest(["<no tags.tier>"])
    assert digest(["{{ function }}"]) == digest(["<no function>"])


def test_an_unknown_placeholder_of_an_sdk_is_text():
    assert digest(["{{ nonsense }}"]) != digest(["<no nonsense>"])
    assert digest(["{{ nonsense }}"]) == digest(["{{ nonsense }}"], message="other")


def test_sentrys_names_mean_the_same():
    assert digest(["{{ error.type }}"], type="E") == digest(["{{ type }}"], type="E")


@given(st.lists(st.text(max_size=30) | st.sampled_from(["{{ default }}", "{{", "}}", "{{ tags. }}"]), max_size=5))
def test_any_parts_have_one_fingerprint(parts):
    assert len(digest(parts)) == 32
    assert digest(parts) == digest(list(parts))
