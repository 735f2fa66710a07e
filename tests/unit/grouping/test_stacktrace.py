import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.events import ExceptionValue, Frame
from atlas_core.grouping import normalized
from atlas_core.grouping.crash_sites import crash_sites, site
from atlas_core.grouping.stacktrace import explain, fingerprint
from tests.unit.grouping.making import event, frame, raised

CHARGE = frame("charge", filename="shop/cart.py", abs_path="/srv/a/shop/cart.py", lineno=10)


def chain(*values, ids=()):
    for value, (number, parent, group) in zip(values, ids, strict=False):
        value.mechanism = {"exception_id": number, "parent_id": parent, "is_exception_group": group}
    return event(values[-1].value or "x", type=values[-1].type, exceptions=list(values))


def value(kind, *frames):
    return ExceptionValue(type=kind, value="v", frames=list(frames))


def same(one, other):
    return fingerprint(one) == fingerprint(other)


def test_lines_paths_variables_and_messages_do_not_count():
    other = frame(
        "charge",
        filename="shop/cart.py",
        abs_path="C:\\app\\shop\\cart.py",
        lineno=99,
        vars={"a": "1"},
        context_line="x",
    )
    assert same(raised("KeyError", CHARGE, message="a"), raised("KeyError", other, message="b", release="2"))


def test_who_called_does_not_count():
    middleware = [frame("__call__", "shop.middleware"), frame("wrapper", "shop.retry"), frame("<lambda>", "shop.web")]
    assert same(raised("KeyError", CHARGE), raised("KeyError", *middleware, CHARGE, frame("get", "lib", in_app=False)))


def test_raise_site_and_type_count():
    one = raised("KeyError", CHARGE)
    assert not same(one, raised("ValueError", CHARGE))
    assert not same(one, raised("KeyError", frame("refund")))
    assert not same(one, raised("KeyError", frame("charge", "shop.other")))


def test_numbers_that_are_part_of_a_name_count():
    assert not same(raised("KeyError", frame("step_1")), raised("KeyError", frame("step_2")))


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        ("Cart.total.<locals>.<lambda>", "Cart.total"),
        ("total.<locals>.<listcomp>", "total"),
        ("HTMLButton.<anonymous>", "HTMLButton"),
        ("main.(*Server).handle.func1", "main.(*Server).handle"),
        ("core::poll::h0123456789abcdef", "core::poll::"),
        ("run$1", "run"),
    ],
)
def test_names_of_functions_without_a_name_belong_to_what_is_around_them(function, plain):
    assert site(frame(function, "m")) == f"m.{plain}"


@pytest.mark.parametrize("function", ["<lambda>", "<genexpr>", "?", "lambda$main$0", "<anonymous>", "", None])
def test_a_frame_without_a_name_is_passed_over(function):
    assert crash_sites(value("E", frame("total", "m"), frame(function, "m"))) == ["m.total"]


def test_without_any_name_the_module_counts():
    assert crash_sites(value("E", frame("?", "m"), frame("<anonymous>", "n"))) == ["n.<anonymous>"]


def test_the_file_stands_in_for_a_missing_module():
    one = frame("run", None, filename="https://x.io/static/js/main.8ea74ade.chunk.js?v=3")
    other = frame("run", None, filename="https://y.io/main.9de51868.chunk.js")
    assert site(one) == site(other)
    assert site(frame("run", "__main__", filename="/srv/shop.py")) == "shop.run"


def test_frames_of_libraries_are_told_by_their_path_when_the_sdk_does_not_say():
    mine = Frame(function="pay", module="shop", abs_path="/srv/shop.py")
    library = Frame(function="send", module="requests", abs_path="/x/site-packages/requests/api.py")
    assert crash_sites(value("E", mine, library)) == ["shop.pay"]
    assert crash_sites(value("E", library)) == ["requests.send"]


def test_a_stack_that_grew_too_deep_is_its_cycle():
    a, b, leaf = frame("a"), frame("b"), frame("leaf")
    one = raised("RecursionError", frame("main"), *[a, b] * 40, a, leaf)
    other = raised("RecursionError", frame("main"), frame("x"), *[a, b] * 51)
    assert same(one, other)
    assert not same(one, raised("RecursionError", *[a, leaf] * 40))


def test_causes_count():
    plain = raised("PayError", CHARGE)
    from_key = chain(value("KeyError", frame("get")), value("PayError", CHARGE))
    assert not same(plain, from_key)
    assert not same(from_key, chain(value("IndexError", frame("get")), value("PayError", CHARGE)))
    assert not same(from_key, chain(value("KeyError", frame("put")), value("PayError", CHARGE)))
    assert same(from_key, chain(value("KeyError", frame("x"), frame("get")), value("PayError", CHARGE)))


def test_an_exception_raised_again_from_itself_counts_once():
    assert same(raised("E", CHARGE), chain(value("E", CHARGE), value("E", CHARGE), value("E", CHARGE)))


def test_a_group_is_its_members_each_kind_once_in_any_order():
    key, index = value("KeyError", CHARGE), value("IndexError", frame("pop"))
    group = value("ExceptionGroup", frame("gather"))
    alone = chain(key, group, ids=[(1, 0, False), (0, None, True)])
    assert same(alone, raised("KeyError", CHARGE))
    two = chain(key, index, group, ids=[(2, 0, False), (1, 0, False), (0, None, True)])
    more = chain(
        index, key, value("KeyError", CHARGE), group, ids=[(3, 0, False), (2, 0, False), (1, 0, False), (0, None, True)]
    )
    assert same(two, more)
    assert not same(two, alone)


def test_without_frames_it_is_as_normalized():
    for made in (event("order 5"), event("order 5", type="E", exceptions=[value("E")])):
        assert fingerprint(made) == normalized.fingerprint(made)
        assert explain(made)[0] == "no exception has a stack: type and message count"


def test_it_says_how_it_came_about():
    assert explain(chain(value("KeyError", frame("get")), value("PayError", CHARGE))) == [
        "crash: PayError in shop.cart.charge",
        "led to by: KeyError in shop.cart.get",
    ]


texts = st.none() | st.text(max_size=12) | st.sampled_from(["<lambda>", "a.b", "func1", "$1", "x.py", "__main__"])
frames = st.builds(
    Frame, function=texts, module=texts, filename=texts, abs_path=texts, in_app=st.sampled_from([True, False, None])
)
odd = st.none() | st.integers(-2, 4) | st.text(max_size=2) | st.lists(st.integers(), max_size=1)
mechanisms = st.none() | st.fixed_dictionaries(
    {}, optional={"exception_id": odd, "parent_id": odd, "is_exception_group": st.booleans()}
)
values = st.builds(ExceptionValue, type=texts, value=texts, mechanism=mechanisms, frames=st.lists(frames, max_size=4))


@given(st.lists(values, max_size=6))
def test_any_chain_has_one_fingerprint(exceptions):
    made = event("x", exceptions=exceptions)
    assert len(fingerprint(made)) == 32
    assert fingerprint(made) == fingerprint(made)
    assert explain(made)
