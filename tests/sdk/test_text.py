import json
from collections import UserDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from atlas_sdk.text import cut, plain, plain_mapping, repr_of, storable, text_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner, inner)
    ),
)


@given(ANYTHING)
def test_anything_becomes_json_that_a_database_takes(value: Any) -> None:
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    assert "\0" not in json.loads(f"[{text}]".encode())
    assert "\\u0000" not in text


@given(st.text(st.characters()), st.integers(min_value=10, max_value=50))
def test_a_cut_text_is_short_and_starts_as_it_did(text: str, most: int) -> None:
    short = cut(text, most)
    assert len(short) <= most
    assert short == text if len(text) <= most else short.endswith("(cut)") and text.startswith(short[: most - 9])


@given(st.text(st.characters()))
def test_storable_text_is_utf_8_without_nul_and_clean_text_stays(text: str) -> None:
    clean = storable(text)
    assert "\0" not in clean.encode().decode()
    assert storable(clean) == clean


def test_numbers_that_json_cannot_carry_become_text() -> None:
    assert plain([float("inf"), float("nan"), 2**63, -(2**63), True, 1.5]) == [
        "inf", "nan", str(2**63), -(2**63), True, 1.5,
    ]  # fmt: skip


def test_a_structure_without_end_is_taken_only_so_far() -> None:
    wide: list[Any] = []
    wide.extend([wide] * 1_000)
    deep: dict[str, Any] = {}
    deep["self"] = deep
    assert len(json.dumps(plain(wide))) < 100_000
    assert json.dumps(plain(deep)).endswith('"<dict of 1>"' + "}" * 8)


def test_all_kinds_of_mappings_and_sequences_are_taken() -> None:
    assert plain(UserDict(a=(1, {2}), b=frozenset())) == {"a": [1, [2]], "b": []}
    assert plain_mapping(None) == {}


def test_the_repr_of_something_huge_is_short() -> None:
    assert len(repr_of({n: [n] * 1_000 for n in range(1_000)})) < 5_000
    assert len(repr_of("x" * 10**7)) < 10_000
    assert len(repr_of(b"x" * 10**7)) < 10_000
    assert len(repr_of(bytearray(10**7))) < 10_000
    assert repr_of(10**5_000) == "<unprintable int>"
    assert text_of("x" * 10**7) == "x" * 16_384
