"""The query language: every text is read, or refused with the place where it goes wrong."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas_core import limits
from atlas_core.errors import UnreadableError
from atlas_core.search import Term, parse, printed
from atlas_core.search.fields import FIELDS
from atlas_core.search.terms import Ago, Day, Glob, Instant, Word


def test_blank_text_asks_for_everything():
    assert parse("") == parse("  \n\t ") == ()


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("timeout", Term("text", (Word("timeout"),))),
        ('"connection refused"', Term("text", ("connection refused",))),
        ('"a \\"quoted\\" C:\\\\dir"', Term("text", ('a "quoted" C:\\dir',))),
        ("-timeout", Term("text", (Word("timeout"),), negated=True)),
        ('!"a b"', Term("text", ("a b",), negated=True)),
        ("KeyError: ", Term("text", (Word("KeyError:"),))),
        ("10.0.0.1:5432", Term("text", (Word("10.0.0.1:5432"),))),
        ("12:30:45", Term("text", (Word("12:30:45"),))),
        ("-http://example.org:80/a", Term("text", (Word("http://example.org:80/a"),), negated=True)),
        ("std::bad_alloc", Term("text", (Word("std::bad_alloc"),))),
        ("java.lang.Error:\n", Term("text", (Word("java.lang.Error:"),))),
        ("C:\\srv\\app", Term("text", (Word("C:\\srv\\app"),))),
        ("d:/srv", Term("text", (Word("d:/srv"),))),
        ("(at", Term("text", (Word("(at"),))),
        (":boom", Term("text", (Word(":boom"),))),
        ("size>5", Term("text", (Word("size>5"),))),
        ('"http.status_code:500"', Term("text", ("http.status_code:500",))),
        ("tags.http.status_code:500", Term("tags", ("500",), key="http.status_code")),
        ("level:error", Term("level", ("error",))),
        ("Level:ERROR", Term("level", ("error",))),
        ("-level:[error, critical]", Term("level", ("error", "critical"), negated=True)),
        ("is:unassigned", Term("is", ("unassigned",))),
        ("status:regressed", Term("status", ("regressed",))),
        ("assignee:Ann@Example.org", Term("assignee", ("ann@example.org",))),
        ("assigned:me", Term("assignee", ("me",))),
        ("release:shop@1.4.0", Term("release", ("shop@1.4.0",))),
        ("release:shop@1.*", Term("release", (Glob("shop@1.*"),))),
        ('release:"a*"', Term("release", ("a*",))),
        ('env:[prod,"pre prod"]', Term("environment", ("prod", "pre prod"))),
        ("tags.region:eu", Term("tags", ("eu",), key="region")),
        ('-tags."odd: name":"x y"', Term("tags", ("x y",), negated=True, key="odd: name")),
        ("count:>100", Term("count", (100,), ">")),
        ("users:>=5", Term("users", (5,), ">=")),
        ("count:[1,2]", Term("count", (1, 2))),
        ("firstSeen:>2026-11-01", Term("first_seen", (Day(date(2026, 11, 1)),), ">")),
        ("last_seen:<-24h", Term("last_seen", (Ago(24, "h"),), "<")),
        ("first_seen:20261101", Term("first_seen", (Day(date(2026, 11, 1)),))),
        ("first_seen:-2w", Term("first_seen", (Ago(2, "w"),))),
        (
            "last_seen:<=2026-11-01T10:30+02:00",
            Term("last_seen", (Instant(datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),), "<="),
        ),
        ("has:insight", Term("has", ("insight",))),
        ("-has:tags.customer", Term("has", ("tags.customer",), negated=True)),
        ("priority:high", Term("priority", ("high",))),
    ],
)
def test_a_term_is_read(text, term):
    assert parse(text) == (term,)
    assert parse(printed((term,))) == (term,)


@pytest.mark.parametrize(
    ("text", "position", "problem", "expected"),
    [
        ("level:", 6, "missing", "error"),
        ("boom level: error", 11, "missing", "critical"),
        ("level:severe", 6, "'severe'", "critical"),
        ("level:[error,bad]", 13, "'bad'", "critical"),
        ("level:[error", 12, "does not go on", "]"),
        ("level:[]", 7, "missing", "error"),
        ("level:>error", 6, "cannot be compared", "error"),
        ('type:"open', 5, "does not end", '"'),
        ('boom "open', 5, "does not end", '"'),
        ('boom"x"', 4, "does not end here", "space"),
        ('"a"b', 3, "does not end here", "space"),
        ("levle:error", 0, "'levle'", "level"),
        ("http.status_code:500", 0, "'http.status_code'", "tags.http.status_code"),
        ("-first-seen:>2026-01-01", 1, "'first-seen'", "first_seen"),
        ("see foo-bar:1", 4, "'foo-bar'", "quotation marks"),
        ("--foo:1", 1, "'-foo'", "quotation marks"),
        ("localhost:80", 0, "'localhost'", "quotation marks"),
        ("gr\u00f6\u00dfe:1", 0, "'gr\u00f6\u00dfe'", "level"),
        ('foo:"a b"', 0, "'foo'", "quotation marks"),
        ("a:b", 0, "'a'", "quotation marks"),
        ("tags.:x", 5, "without a name", "tags.NAME"),
        ("-tags.", 6, "without a name", "tags.NAME"),
        ("tags. x", 5, "without a name", "tags.NAME"),
        ("count>5", 5, "colon is missing", "count:"),
        ("-Level=error", 6, "colon is missing", "Level:"),
        ("boom env!=prod", 8, "colon is missing", "env:"),
        ("level :error", 6, "a space after level", "level: without a space"),
        ("-level :error", 7, "a space after level", "level: without a space"),
        ("count >5", 6, "a space after count", "count: without a space"),
        ("last_seen:2026-W48", 10, "'2026-W48'", "2026-11-01"),
        ("last_seen:202611", 10, "'202611'", "2026-11-01"),
        ("count:many", 6, "'many'", "whole number"),
        ("count:>1e3", 7, "'1e3'", "whole number"),
        ("first_seen:2026-13-01", 11, "'2026-13-01'", "2026-11-01"),
        ("last_seen:>9999-12-31", 11, "'9999-12-31'", "2026-11-01"),
        ("assignee:ann", 9, "'ann'", "e-mail"),
        ("tags.region", 11, "without a value", ":"),
        ('tags."":x', 7, "without a name", "tags.NAME"),
        ("a OR b", 2, "not part", "level:[error,critical]"),
        ("-", 0, "nothing to look for", "word"),
        ("a (...)", 2, "nothing to look for", "word"),
        ("a\x00b", 1, "cannot be part", ""),
        ("\ud800", 0, "cannot be part", ""),
    ],
)
def test_what_is_not_a_query_is_refused_where_it_goes_wrong(text, position, problem, expected):
    with pytest.raises(UnreadableError) as refused:
        parse(text)
    assert refused.value.position == position
    assert problem in str(refused.value)
    detail = refused.value.detail
    assert isinstance(detail, dict)
    assert detail["position"] == position
    assert expected in " ".join(detail["expected"])


def test_a_query_is_as_long_as_the_limits_say_and_no_longer():
    parse("a" * limits.QUERY_CHARACTERS)
    parse("a " * limits.QUERY_TERMS)
    with pytest.raises(UnreadableError, match="longer"):
        parse("a" * (limits.QUERY_CHARACTERS + 1))
    with pytest.raises(UnreadableError, match="terms"):
        parse("a " * (limits.QUERY_TERMS + 1))


_PIECES = st.sampled_from(
    [*(f"{name}:" for name in FIELDS), "tags.", "tags.x:", "-", "!", '"', "\\", "[", "]", ",", ":", ">", "<=", " ", "*",
     "error", "open", "me", "a@b", "insight", "2026-11-01", "20261101",
     "a::b", "foo.b:", "=", "level", "-24h", "12", "timeout", "caf\u00e9", "a'b", "%", "\u0130"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=14).map("".join)))
@example('tags."a b":["x y",z] -"p"')
def test_any_text_is_read_and_printed_the_same_or_refused_within_itself(text):
    query, position = (), 0
    try:
        query = parse(text)
    except UnreadableError as error:
        position = error.position
    assert parse(printed(query)) == query
    assert 0 <= position <= len(text)


_MOMENTS = st.integers(0, 7 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC))
_TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
_TERMS = st.one_of(
    st.builds(Term, st.just("text"), st.tuples(_TEXTS.map("x".__add__)), negated=st.booleans()),
    st.builds(
        Term, st.sampled_from(["release", "type", "culprit"]), st.lists(_TEXTS, min_size=1, max_size=3).map(tuple),
        negated=st.booleans(),
    ),
    st.builds(Term, st.just("tags"), st.tuples(_TEXTS), key=_TEXTS, negated=st.booleans()),
    st.builds(Term, st.just("count"), st.tuples(st.integers(0, 10**18 - 1)), st.sampled_from(["=", ">", "<="])),
    st.builds(
        Term, st.just("last_seen"),
        st.tuples(st.one_of(
            st.builds(Day, st.dates(date(1970, 1, 1), date(2199, 12, 31))),
            st.builds(Ago, st.integers(0, 99_999), st.sampled_from(["m", "h", "d", "w"])),
            st.builds(Instant, _MOMENTS),
        )),
        st.sampled_from(["=", "<", ">="]),
    ),
)  # fmt: skip


@given(st.lists(_TERMS, max_size=6).map(tuple))
def test_every_query_is_printed_as_text_that_reads_as_the_same(query):
    text = printed(query)
    if len(text) <= limits.QUERY_CHARACTERS:
        assert parse(text) == query
