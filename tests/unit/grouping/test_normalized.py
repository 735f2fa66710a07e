import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.grouping.normalized import fingerprint, parameterised
from atlas_core.grouping.vocabulary import SLOT
from tests.unit.grouping.making import event

SAME = [
    ("user 41 not found", "user 9913 not found"),
    ("KeyError: '15c1d2df-a996-4aef-012d-0ea67ff12229'", "KeyError: '986e86cb-0ab8-ab67-a26b-7f62b1852f27'"),
    ("dial tcp 102.93.148.108:3079: connection refused", "dial tcp [fe80::1c2e:aa]:80: connection refused"),
    ("GET https://a.example.com/x/1?q=2 failed", "GET http://10.0.0.1:8080/ failed"),
    ("no mail for anna.b+x@example.com", "no mail for j@shop.co.uk"),
    ("cannot open /var/log/app-7/today.log", "cannot open /tmp/x"),
    ("cannot open C:\\Users\\anna\\AppData\\x1.tmp", "cannot open D:\\x"),
    ("verification of blk_-1608999687919862906 failed", "verification of blk_38865049064139660 failed"),
    ("freed 36.0 MiB in 12ms", "freed 5 GB in 3 seconds"),
    ("lifetime <1 sec", "lifetime 00:17"),
    ("at Fri Jun 17 07:07:00 2005 it stopped", "at 2026-11-25T12:00:00Z it stopped"),
    ("to delete blk_1 blk_-2 blk_3", "to delete blk_9"),
    ("orders [1, 2, 3] failed", "orders [44] failed"),
    ("session opened for user cyrus by (uid=0)", "session opened for user news by (uid=12)"),
    ("login failed rhost=218.188.2.4 user=root", "login failed rhost=ns.example.org user=guest"),
    ("node ip-10-0-3-7.eu-west-1.compute.internal left", "node web-1.prod.example.com left"),
    ("customer name van Dyk contains digits", "customer name Ana contains digits"),
    ("object at 0x7f961cf08cf0", "object at 0x089065c3146e"),
    ("ActivityRecord{de9231d u0}", "ActivityRecord{78af589 u3}"),
    ("invalid literal for int() with base 10: 'abc'", "invalid literal for int() with base 10: 'x y'"),
    ("paid 12.50 EUR", "paid 7 USD"),
    ("Key (email)=(a@b.com) exists", "Key (email)=(Bob) exists"),
    ("order A1234: gone", "order B9876: gone"),
    ("on nodes node-[40-63]", "on nodes node-7"),
    ("no such user bob", "no such user anna"),
    ("state 5\n  at once", "state 6 at once"),
]
APART = [
    ("user locked", "user disabled"),
    ("no settings for user profile", "no settings for user account"),
    ("user quota is not set", "user limit is not set"),
    ("Order.charge failed", "Order.refund failed"),
    ("cannot parse a.b.io", "cannot parse a.b.dev"),
    ("code 12 of AppError", "code 13 of AppError"),
    ("state=a1", "total=a1"),
    ("KeyError: 'user_id'", "KeyError: 'order_id'"),
    ("KeyError: 'user_id'", "KeyError: '15c1d2df-a996-4aef-012d-0ea67ff12229'"),
    ("AppError E1001: quota", "AppError E1002: quota"),
    ("404 Client Error: gone", "410 Client Error: gone"),
    ("Request failed with status code 404", "Request failed with status code 500"),
    ("[Errno 111] failed", "[Errno 110] failed"),
    ("unknown encoding: utf-8x", "unknown encoding: utf-16x"),
    ("python2.7 is not supported", "python3.6 is not supported"),
    ("TLS 1.0 is not supported", "TLS 1.1 is not supported"),
    ("ORA-00942: failed", "ORA-00904: failed"),
    ("SQLSTATE[23000]: failed", "SQLSTATE[42000]: failed"),
    ("No module named 'psycopg2'", "No module named 'psycopg3'"),
    ("returned non-zero exit status 1.", "returned non-zero exit status 137."),
    ("(1062, 'failed')", "(1205, 'failed')"),
    ("sha256 does not match", "sha512 does not match"),
    ("java.lang.NullPointerException", "java.lang.IllegalStateException"),
    ("undefined (reading 'id')", "undefined (reading 'name')"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_varies_does_not_split(one, other):
    assert parameterised(one) == parameterised(other)
    assert fingerprint(event(one)) == fingerprint(event(other))


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_names_the_problem_does_not_merge(one, other):
    assert parameterised(one) != parameterised(other)
    assert fingerprint(event(one)) != fingerprint(event(other))


def test_the_type_is_part_of_the_fingerprint():
    assert fingerprint(event("x", type="KeyError")) != fingerprint(event("x", type="ValueError"))
    assert fingerprint(event("order 5")) == hashlib.sha256(f"\norder {SLOT}".encode()).digest()


def test_an_access_record_counts_whatever_was_asked_and_answered():
    one = '10.11.10.1 "GET /v2/54fadb412c4e40cd/servers HTTP/1.1" status: 200 len: 1893'
    other = '10.11.21.122,10.11.10.1 "GET /openstack/user_data HTTP/1.1" status: 404 len: 176'
    assert parameterised(one) == parameterised(other)
    assert parameterised(one) != parameterised(one.replace("GET", "POST"))


def test_people_see_slots():
    assert parameterised("order  1234 of\tuser 'bob' failed") == "order <*> of user <*> failed"
    assert parameterised("column 'total' of order 5") == "column 'total' of order <*>"


def test_only_the_first_lines_count():
    assert parameterised("a\nb\nc\nd\ne\nf") == "a b c d e"


def test_a_cut_message_is_the_same_for_other_lengths_of_what_varies():
    def long(number):
        return "".join(f"row {number} of table t{n} is bad, " for n in range(400))

    assert len(long(1)) != len(long(10**9))
    assert parameterised(long(1)) == parameterised(long(10**9))


@given(st.text(max_size=3_000), st.none() | st.text(max_size=20))
def test_any_text_has_one_fingerprint(message, kind):
    one = fingerprint(event(message, type=kind))
    assert len(one) == 32
    assert one == fingerprint(event(str(message), type=kind))
    assert len(parameterised(message)) <= 512 * 3


@given(
    st.lists(
        st.sampled_from([*"a1f_-.:/\\'\"=@~*()[]{}<>, \n", "user ", "x0", "://", " name ", "Error: ", SLOT]),
        max_size=900,
    )
)
def test_text_made_of_delimiters_never_raises(pieces):
    assert isinstance(parameterised("".join(pieces)), str)


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_plain_numbers_never_split(one, other):
    assert parameterised(f"order {one} failed") == parameterised(f"order {other} failed")


HOSTILE = [
    "a", "1", "a.", "1.", "_1", "/", "/a", "a/", ":", "a:", "f-", "'", '"', "user ", "x name y ", SLOT, SLOT + " ",
    "user='", ")=(", "row contains (", "\\", "C:\\", "@", "a@b.", "~", "a~", "eyJ", "a://", "parsing '", "*", "x1x1",
    "1, ", "May 1 ", "'x' is not a valid ", " for x from 1", "a-b.c1.", "Error: code ", "x_1.y", "::1", "{a:1}",
    " status 404 ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_text_and_no_faster(piece):
    def seconds(size):
        text = (piece * size)[:size]
        runs = []
        for _ in range(3):
            start = time.process_time()
            for _ in range(2):
                parameterised(text)
            runs.append(time.process_time() - start)
        return min(runs)

    assert seconds(2_000) < 6 * seconds(500) + 0.002
    assert seconds(8_000) < 3 * seconds(2_000) + 0.002
