import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core import limits
from atlas_core.errors import WrongShapeError
from atlas_core.events import ExceptionValue
from atlas_core.grouping.rule_text import RuleSyntaxError, rules_of
from atlas_core.grouping.rules import first_match
from tests.unit.grouping.making import event, frame

EVENT = event(
    "order 17 timed out after 30 s",
    type="TimeoutError",
    logger="shop.orders",
    release="shop@1.4.2",
    environment="production",
    transaction="/orders/{id}",
    tags={"tier": "gold", "http.status": "504"},
    exceptions=[
        ExceptionValue(type="ConnectError", frames=[frame("open", "shop.net", abs_path="/srv/shop/net.py")]),
        ExceptionValue(
            type="TimeoutError",
            frames=[
                frame("place", "shop.orders", filename="shop/orders.py"),
                frame("_wait", "shop.net", abs_path="C:\\srv\\shop\\net.py"),
            ],
        ),
    ],
)


def matches(matchers, made=EVENT):
    return first_match(rules_of(f"{matchers} -> x"), made) is not None


@pytest.mark.parametrize(
    "matchers",
    [
        "type:TimeoutError", "type:*Error", "type:ConnectError", "error.type:Timeout*", "message:order*",
        'message:"*timed out after*"', "message:/^order \\d+ timed out/", 'message~"timed out after \\d+ s$"',
        "message~(?i)ORDER", "message:/a\\/b|order/", "module:shop.orders", "function:_wait", "path:*shop/orders.py",
        'path:"/srv/shop/*.py"', 'path:"C:/srv/shop/net.py"', "tags.tier:gold", "tags.http.status:5*",
        "release:shop@1.4.*", "level:error", "level:err*", "logger:shop.*", "environment:production",
        'transaction:"/orders/{id}"', "!type:KeyError",
        "!tags.tier:silver", "!tags.region:*", "!release~^shop@2", "module:shop.net function:_wait", "!module:lib.*",
        "type:*Error !level:warning message:*30*", "message:*o*r*d*e*r*1*7*", "message:*",
    ],
)  # fmt: skip
def test_a_rule_matches(matchers):
    assert matches(matchers)


@pytest.mark.parametrize(
    "matchers",
    [
        "type:Timeout", "type:timeouterror", "message:order", "message:/^timed/", "module:shop", "function:wait",
        "tags.tier:gol", "tags.region:*", "!type:ConnectError", "!level:error", "!tags.tier:gold", "!module:shop.net",
        "module:shop.orders function:_wait", "type:TimeoutError level:warning", "message:*timed*order*", "message:\\*",
        "message:order*order*", "release:1.4.2",
    ],
)  # fmt: skip
def test_a_rule_does_not_match(matchers):
    assert not matches(matchers)


def test_what_an_event_lacks_matches_only_negated():
    assert not matches("release:*", event())
    assert matches("!release:*", event())
    assert not matches("function:*", event())
    assert matches("!function:*", event())


def test_the_first_rule_that_matches_wins():
    rules = rules_of("# one issue for each\n\nlevel:warning -> a\r\ntype:* -> b\ntype:TimeoutError -> c")
    assert [rule.line for rule in rules] == [3, 4, 5]
    assert first_match(rules, EVENT).parts == ("b",)


def test_parts_keep_commas_and_blanks_in_quotes():
    [rule] = rules_of('type:x -> {{ default }}, "a, b",  plain text ,{{tags.tier}}-x, "say \\"no\\""')
    assert rule.parts == ("{{ default }}", "a, b", "plain text", "{{tags.tier}}-x", 'say "no"')
    assert rule.looks_at == {"type", "default", "tags.tier"}
    assert rules_of("type:x -> {id}, { {{ type }} }")[0].parts == ("{id}", "{ {{ type }} }")
    assert rules_of("tags.a:x !module:y -> a, {{ error.value }}")[0].looks_at == {"tags.a", "module", "message"}


MALFORMED = [
    ("type:x", 1, 7, "a blank, then another matcher, or -> and the fingerprint"),
    ("type:x ", 1, 7, "a blank"),
    ("type:x -> ", 1, 10, "a part of the fingerprint"),
    ("type:x ->", 1, 10, "a part of the fingerprint"),
    ("type:x -> a,", 1, 13, "a part of the fingerprint"),
    ("type:x -> a,,b", 1, 13, "a part of the fingerprint"),
    ("-> a", 1, 1, "a matcher such as type:ValueError"),
    ("  -> a", 1, 3, "a matcher"),
    ("nonsense", 1, 1, "one of type, message"),
    ("typ:x -> a", 1, 1, "one of type, message"),
    ("!typ:x -> a", 1, 2, "one of type"),
    ("! -> a", 1, 1, "a matcher"),
    ("tags.:x -> a", 1, 1, "one of type"),
    ("type -> a", 1, 5, ": and a value"),
    ("type=x -> a", 1, 5, ": and a value"),
    ("type: -> a", 1, 6, "a value"),
    ('type:"" -> a', 1, 6, "a value"),
    ("type~ -> a", 1, 6, "a regular expression"),
    ('type:"x -> a', 1, 13, 'a closing " (it starts at column 6)'),
    ('type:"x"y -> a', 1, 9, "a blank, then another matcher"),
    ('type:x -> "a', 1, 13, 'a closing "'),
    ('type:x -> "a" b', 1, 15, "a comma and another part"),
    ("type:/x -> a", 1, 13, "/ at the end of the regular expression"),
    ("type:/x/y -> a", 1, 9, "a blank, then another matcher"),
    ("type:// -> a", 1, 7, "a regular expression of 1 to"),
    ("path:/srv/app/x.py -> a", 1, 11, "a blank, then another matcher"),
    ("level:bad -> a", 1, 7, "one of debug, info, warning, error, critical"),
    ("type:x @ -> a", 1, 8, "another matcher, or -> and the fingerprint"),
    ("type:x -> {{ nonsense }}", 1, 11, "one of default, type"),
    ("type:x -> a, b{{ tags. }}", 1, 15, "one of default, type"),
    ("type:x -> {{ type", 1, 11, "a placeholder such as {{ default }}"),
    ("type:x -> a }}", 1, 13, "a placeholder"),
    ("type:x -> {{ a b }}", 1, 11, "a placeholder"),
    ("type:x -> {{{ default }}}", 1, 11, "a placeholder such as {{ default }}, with two braces"),
    ("type:x -> {{{ default }}", 1, 11, "a placeholder"),
    ("type:x -> {a}, b {{ default }}}", 1, 31, "a placeholder"),
    ('type:x -> {a}, "{{ type }} {{ default }}}"', 1, 41, "a placeholder"),
    ("type:x -> {{{{ default }}}}", 1, 11, "a placeholder"),
    ("type:x -> a\n# fine\ntype:x b:y -> a", 3, 8, "one of type"),
    ("message:/(a)\\1/ -> a", 1, 10, "a regular expression that RE2 takes (invalid escape sequence"),
    ("message:/(?=a)/ -> a", 1, 10, "a regular expression that RE2 takes (invalid perl operator"),
    ("message:/(?<!a)b/ -> a", 1, 10, "a regular expression that RE2 takes (invalid perl operator"),
    ("message:/[/ -> a", 1, 10, "a regular expression that RE2 takes (missing ]"),
    ("message:/a{2000}/ -> a", 1, 10, "a regular expression that RE2 takes (invalid repetition size"),
    ("message:/(a?){900}/ -> a", 1, 10, "a regular expression that RE2 takes (its counted repetitions are too large"),
    ("message~*a -> a", 1, 9, "a regular expression that RE2 takes (no argument for repetition"),
]


@pytest.mark.parametrize(("text", "line", "column", "expected"), MALFORMED)
def test_a_malformed_rule_says_where_and_what_was_expected(text, line, column, expected):
    with pytest.raises(RuleSyntaxError) as caught:
        rules_of(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.expected.startswith(expected)
    assert str(caught.value) == f"line {line}, column {column}: expected {caught.value.expected}"
    assert isinstance(caught.value, WrongShapeError)


def _matchers(count):
    return " ".join(["type:x"] * count) + " -> a"


def _parts(count):
    return "type:x -> " + ",".join(["a"] * count)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (lambda n: "type:x -> a\n" * n, limits.GROUPING_RULES),
        (lambda n: "#" * n, limits.GROUPING_RULES_CHARACTERS),
        (_matchers, limits.GROUPING_RULE_MATCHERS),
        (_parts, limits.GROUPING_RULE_PARTS),
        (lambda n: f"type:{'x' * n} -> a", limits.GROUPING_PATTERN_CHARACTERS),
        (lambda n: f'type:"{"x" * n}" -> a', limits.GROUPING_PATTERN_CHARACTERS),
        (lambda n: f"type:/{'x' * n}/ -> a", limits.GROUPING_PATTERN_CHARACTERS),
        (lambda n: f"type:x -> {'x' * n}", limits.GROUPING_PATTERN_CHARACTERS),
    ],
)
def test_each_limit_holds_at_n_and_n_plus_1(text, limit):
    rules_of(text(limit))
    with pytest.raises(RuleSyntaxError, match=re.compile(f"{limit:,}|{limit}")):
        rules_of(text(limit + 1))


HOSTILE = f"{' '.join(['!message:/[ab]*a[ab]{200}c/'] * 19)} type:No -> x"
DEEP = event(exceptions=[ExceptionValue(type="E", frames=[frame(f"f{n}", f"m{n}") for n in range(250)])])


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (f"type:x -> a\n\n{HOSTILE}\n{HOSTILE}", 4, 113),
        ("path:/^a/ -> a\n" * 200, 23, 1),
        ("module:*a*b*c* function:*a*b*c* -> a\n" * 200, 107, 16),
        (f"module:*a*b*c*{' !path:*a*' * 19} -> a\n" * 100, 12, 56),
    ],
)
def test_rules_that_may_take_too_long_for_an_event_are_refused_where_they_begin_to(text, line, column):
    with pytest.raises(RuleSyntaxError, match="less work: all rules may take 20 ms for the worst event") as caught:
        rules_of(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    rules_of("\n".join(text.split("\n")[: line - 1]))


@pytest.mark.parametrize(
    "rule",
    [
        'type:OperationalError message:"*remaining connection slots*" -> database-pool',
        r"message:/^order \d+ failed$/ !environment:production -> order-failed, {{ environment }}",
        "module:shop.pay.* function:charge tags.tier:gold -> {{ default }}, gold",
        "path:*/shop/orders.py type:*Error -> orders",
    ],
)
def test_as_many_ordinary_rules_as_there_may_be_are_accepted(rule):
    assert len(rules_of("\n".join([rule] * limits.GROUPING_RULES))) == limits.GROUPING_RULES


def test_a_regular_expression_reads_the_beginning_of_a_text_and_a_glob_all_of_it():
    made = event("x" * (limits.GROUPING_REGEX_BYTES - 2) + "abc")
    assert matches("message:/ab/", made)
    assert not matches("message:/abc/", made)
    assert matches("message:*abc", made)
    assert matches("message:/\u00e9$/ message:*z", event("\u00e9" * 512 + "z"))


def test_rules_read_the_different_frames_nearest_the_crash():
    first, last = 250 - limits.GROUPING_FRAMES_READ, 249
    for key, name in (("function", "f"), ("module", "m")):
        assert matches(f"{key}:{name}{last}", DEEP)
        assert matches(f"{key}:{name}{first}", DEEP)
        assert not matches(f"{key}:{name}{first - 1}", DEEP)
    assert matches("module:m200 function:f200 function:/^f200$/", DEEP)
    assert not matches("module:m200 function:f201", DEEP)
    recursion = [frame("main", "app"), *[frame("again", "app")] * 249]
    assert matches("function:main", event(exceptions=[ExceptionValue(type="E", frames=recursion)]))


@pytest.mark.parametrize(("pattern", "most"), [("{}*", 8_192 // 64), ("/^{}/", 2_048 // 64)])
def test_of_all_texts_that_a_key_names_so_many_are_read(pattern, most):
    types = [ExceptionValue(type=f"T{n:03}".ljust(256, "x")) for n in range(50)]
    assert matches(f"type:{pattern.format('T049')}", event(exceptions=types))
    first_read = 50 - most // 4
    assert matches(f"type:{pattern.format(f'T{first_read:03}')}", event(exceptions=types))
    assert not matches(f"type:{pattern.format(f'T{first_read - 1:03}')}", event(exceptions=types))


@pytest.mark.parametrize(
    "rule", ["message:/(x+x+)+y/ -> a", f"message:{'*x' * 120}*y -> a", "message~(x*)*(x*)*$^ -> a",
             f"message:*{'x' * 60}y{'x' * 60}* -> a"]
)  # fmt: skip
def test_patterns_take_time_linear_in_the_text(rule):
    rules = rules_of(rule)

    def seconds(size):
        made = event("x" * size)
        runs = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(20):
                first_match(rules, made)
            runs.append(time.process_time() - start)
        return min(runs)

    assert seconds(8_000) < 6 * seconds(2_000) + 0.005


TOKENS = ["type", ":", '"', "/", "~", "!", "->", " ", "a", ",", "{{", "}}", "default", "\\", "\n", "#"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(TOKENS), max_size=25).map("".join))
def test_any_text_is_rules_or_says_where_it_is_wrong(text):
    wrong = None
    try:
        rules_of(text)
    except RuleSyntaxError as error:
        wrong = error
    if wrong is not None:
        lines = text.split("\n")
        assert 1 <= wrong.line <= len(lines)
        assert 1 <= wrong.column <= len(lines[wrong.line - 1]) + 1


@given(st.text("ab*\\", max_size=8), st.text("ab*\\", max_size=8))
def test_globs_agree_with_their_meaning(pattern, text):
    written = "".join(f"\\{c}" if c in '\\"' else c for c in pattern)
    expected = re.fullmatch("".join(".*" if c == "*" else re.escape(c) for c in pattern), text, re.DOTALL) is not None
    if pattern:
        assert matches(f'message:"{written}"', event(text)) == expected
