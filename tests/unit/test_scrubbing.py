"""Secrets are taken out, and nothing else is."""

import hashlib
import random
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atlas_core.events import Event, ExceptionValue, Frame, Level
from atlas_core.grouping.message import fingerprint
from atlas_core.scrubbing import FILTERED, may_hold_secrets, scrub, scrub_text
from atlas_core.scrubbing.patterns import NAME_PARTS, NAMES, VALUES
from atlas_core.topics import ATLAS_EVENTS

NOW = datetime(2026, 11, 25, tzinfo=UTC)
searched = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
# Begin and end apart, so that no scanner takes this file for one that leaks.
PEM = "-----BEGIN RSA PRIVATE" + " KEY-----\n" + "MIIEowIBAAKCAQEA\n" * 20 + "-----END RSA PRIVATE" + " KEY-----"
SECRETS = {
    "our own key": "atlas_" + "0a" * 32,
    "bearer": "Bearer " + "abcDEF0123456789",
    "basic": "Basic dXNlcjpwYXNzd29yZA==",
    "jwt": JWT,
    "pem": PEM,
    "pem on one line": PEM.replace("\n", "\\n"),
    "pem cut off": PEM[:200],
    "encrypted pem": PEM.replace(" KEY-----\n", " KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\n", 1),
    "password in a url": "postgresql://app:s3cr3t@db:5432/x",
    "password alone in a url": "redis://:s3cr3t@cache/0",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "aws, temporary": "ASIA" + "IOSFODNN7EXAMPLE",
    "google": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"[:35],
    "google, oauth": "ya29." + "a0AfH6SMBx" * 4,
    "azure": "AccountKey=" + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1" * 2 + "==",
    "github": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "github, fine": "github_pat_" + "11ABCDEFG0abcdefghijkl_mnop",
    "gitlab": "glpat-" + "ABCdef123456-7890xyz",
    "slack": "xoxb-" + "123456789012-abcdefGHIJK",
    "slack hook": "https://hooks.slack.com/services/" + "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "npm": "npm_" + "a1B2" * 9,
    "pypi": "pypi-" + "AgEIcHlwaS5vcmc" * 5,
    "sendgrid": "SG." + "ngeVfQFYQlKU0ufo8x5d1A." + "TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr",
    "hugging face": "hf_" + "AbCdEfGhIj" * 4,
    "digital ocean": "dop_v1_" + "0a" * 32,
    "a model's key": "sk-" + "proj-AbCdEf0123456789AbCd",
    "card": "4111 1111 1111 1111",
    "card with dashes": "5500-0000-0000-0004",
    "card without": "378282246310005",
    "password in a query": "https://x/?a=1&password=hunter2&b=2",
    "token at the start": "token=abcdef",
    "a connection string": "host=db user=app password=hunter2 dbname=x",
    "a form": "csrf_token=abc123&name=x",
    "a cookie": "Cookie: sid=abc123; theme=dark",
    "a set cookie": "Set-Cookie: sid=abc123; HttpOnly",
    "authorization": "Authorization: Token abcdef123456",
    "json in a text": '{"password":"hunter2"}',
    "json with blanks": '{"user": "bob", "db_password" : "hunter2", "n": 1}',
    "python's dict": "{'password': 'hunter2', 'n': 1}",
    "python 2's dict": "{u'password': u'hunter2'}",
    "ruby's hash": "{'api_key' => 'hunter2'}",
    "json in json": '{"body": "{\\"password\\":\\"hunter2\\"}"}',
    "json in json in json": '"{\\"body\\":\\"{\\\\\\"pwd\\\\\\":\\\\\\"hunter2\\\\\\"}\\"}"',
    "json that was cut off": '{"password": "hunter2',
    "a value with quotes inside": '{"password": "a\\"hunter2"}',
    "a number": '{"pin": 1111}',
    "a header": "X-API-Key: abcdef",
    "a header among others": "GET / HTTP/1.1\r\nx-auth-token: abcdef\r\nHost: x",
}  # fmt: skip
HARMLESS = (
    "Traceback (most recent call last):", "KeyError: 'user_id'", "basic authentication failed", "bearer of bad news",
    "Unexpected token < in JSON at position 0", "login(user, password=pw, retries=3)", "Client(token=settings.token)",
    "1764000000000 ms", "2026-11-25T12:00:00.123456Z", "order 4111111111111112 is unknown", "phone 555-0100",
    "fc6d8c0c-43fc-4630-ad85-0ee518f1b9d0", "https://user@host/x", "http://host:8080/path@2", "a-sk-b",
    "task-1234567890",
    "eyJ.eyJ.x", "0000000000000000", "msg.SG.x", "C:\\secrets\\x", "C:/app/token.py", "-----BEGIN CERTIFICATE-----",
    '{"password": null, "token": "", "n": 1}', '{"author": "x", "note": "y"}', "Unexpected token: ILLEGAL",
    "Invalid password: must have 8 characters", "password: This field is required.", "bad csrf_token: expected 5",
    "C:/app/token.py: cannot open", "KeyError: 'token'", "('token', 'x')", "release 20251126123456", "4000000000000001",
    "ids 9111111111111111, 1764000000000000000", "2026112612000004 rows", "session: begin of a new one",
    "4111 1111 1111 11115 rows", "secret ingredient: love", "cookie: none", "x = y == z",
)  # fmt: skip


def make(message: str = "boom", **more: Any) -> Event:
    return Event(
        project_id=UUID(int=1), event_id=UUID(int=2), source="api", level=Level.ERROR, message=message, timestamp=NOW,
        received_at=NOW, **more,
    )  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_value_that_looks_like_a_secret_is_filtered_wherever_it_stands(name: str):
    secret = SECRETS[name]
    for text in (secret, f"failed with {secret}", f'{{"x": "{secret}"}}', f"{secret}\nnext line"):
        cleaned = scrub_text(text)
        assert FILTERED in cleaned
        for word in ("s3cr3t", "hunter2", "abc123", "abcdef", "MIIE", "EXAMPLE", "dXNl", "1111", "0000-0004", JWT):
            if word in secret:
                assert word not in cleaned
        assert scrub_text(cleaned) == cleaned


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_alike_stays(text: str):
    assert scrub_text(text) == text


def test_what_surrounds_a_secret_stays():
    text = "GET https://u:s3cr3t@host/p?token=abc&page=2 with Bearer abcDEF0123456789 failed"
    assert scrub_text(text) == f"GET https://u:{FILTERED}@host/p?token={FILTERED}&page=2 with Bearer {FILTERED} failed"


@pytest.mark.parametrize("name", ["password", "PASSWORD", "db_password", "passwd", "Pass-Phrase", "secret",
    "client-secret", "token", "accessToken", "X-CSRF-Token", "authorization", "Proxy-Authorization",
    "cookie", "Set-Cookie", "cookies",
    "api_key", "apiKey", "X-API-Key", "aws.access.key", "session", "sessionid", "session_id", "PHPSESSID", "sid",
    "credentials", "private_key", "pwd", "auth", "pin", "cvv", "card_number", "jwt", "connection_string"])  # fmt: skip
def test_a_field_is_filtered_by_its_name_at_any_depth(name: str):
    event = scrub(
        make(extra={"a": [{name: "x", "b": 1}], name: {"deep": 1}}, request={"headers": [[name, "x"], ["ok", "y"]]})
    )
    assert event.extra == {"a": [{name: FILTERED, "b": 1}], name: FILTERED}
    assert event.request == {"headers": [[name, FILTERED], ["ok", "y"]]}


@pytest.mark.parametrize(
    "name", ["author", "keyboard", "passenger", "session_count", "inside", "pins", "sidebar", "option"]
)
def test_a_field_that_is_called_alike_stays(name: str):
    assert scrub(make(extra={name: "x"})).extra == {name: "x"}


def test_every_field_of_an_event_is_looked_at():
    secret = SECRETS["github"]
    frame = Frame(context_line=secret, pre_context=[secret, "x"], post_context=[secret], vars={"v": secret})
    value = ExceptionValue(type=secret, module=secret, value=secret, mechanism={"m": secret}, frames=[frame])
    event = make(
        secret, stack_trace=secret, exceptions=[value], type=secret, environment=secret, release=secret, dist=secret,
        server_name=secret, logger=secret, sdk={"name": secret}, template=secret, transaction=secret,
        user={"u": secret}, request={"r": secret}, contexts={"c": secret}, extra={"e": secret, secret: 1},
        tags={"t": secret}, breadcrumbs=[{"b": secret}], fingerprint=[secret], raw={"w": [secret]},
    )  # fmt: skip
    assert secret.encode() not in ATLAS_EVENTS.encode(scrub(event))


def test_a_message_that_is_scrubbed_stays_in_its_issue():
    message = "no such user: postgresql://app:s3cr3t@db/x"
    event = scrub(make(message))
    assert "s3cr3t" not in event.message
    assert fingerprint(event) == hashlib.sha256(message.encode()).digest()
    assert event.repairs == ["message"]


def test_what_stands_behind_a_telling_name_goes_and_the_rest_of_the_text_stays():
    text = '{"user":"bob","password":"a\\\\","note":"x: y","api_key":"k","n":1} with X-Token: abc, twice'
    cleaned = f'{{"user":"bob","password":"{FILTERED}","note":"x: y","api_key":"{FILTERED}","n":1}}'
    assert scrub_text(text) == f"{cleaned} with X-Token: {FILTERED}, twice"
    assert scrub_text("a: b\npwd: hunter2\nc: d") == f"a: b\npwd: {FILTERED}\nc: d"


CARDS = (4111111111111111, 5500000000000004, 2221000000000009, 378282246310005, 30569309025904, 3530111333300000,
         6011111111111117, 6200000000000005, 6304000000000000, 4000000000000000006)  # fmt: skip
NUMBERS = (4111111111111112, 1764000000000, 1764000000000000, 1764000000000000018, 20251126123456, 2026112612000004,
           9111111111111111, 411111111111, 41111111111111111111111, -4111111111111111, 0, True)  # fmt: skip


def test_a_number_that_is_a_cards_is_filtered_and_no_other():
    assert scrub(make(extra={"n": [*CARDS]})).extra == {"n": [FILTERED] * len(CARDS)}
    assert scrub(make(extra={"n": [*NUMBERS]})).extra == {"n": [*NUMBERS]}


@pytest.mark.parametrize("name", ["id", "order_id", "memory_size", "boot_time", "free_memory", "timestamp"])
def test_a_number_that_is_called_an_id_a_size_or_a_time_stays(name: str):
    assert scrub(make(contexts={"c": {name: CARDS[0]}})).contexts == {"c": {name: CARDS[0]}}
    assert scrub(make(contexts={"c": {f"{name}_token": CARDS[0]}})).contexts == {"c": {f"{name}_token": FILTERED}}


def test_no_value_is_no_secret():
    assert scrub(make(extra={"password": None, "token": "", "secret": [], "n": 0})).extra["password"] is None


TEXTS = st.text(max_size=30) | st.text(alphabet="\\\"':= ->pwdinatoken\n1", max_size=40)
names = st.text(max_size=8) | st.sampled_from([*NAMES, *NAME_PARTS, "pass-word", "A.Pi-Key"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 10**20)
    | st.sampled_from(CARDS)
    | TEXTS
    | st.sampled_from(list(SECRETS.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@searched
@given(TEXTS, values, values)
def test_the_quick_look_never_misses_what_scrubbing_would_change(message, extra, raw):
    def event() -> Event:
        return make(message, extra={"x": extra}, raw={"y": raw}, tags={"t": message})

    if not may_hold_secrets(ATLAS_EVENTS.encode(event())):
        assert scrub(event()) == event()


@searched
@given(values)
def test_scrubbing_twice_changes_no_more(value):
    once = scrub(make(extra={"x": value}))
    assert scrub(once).extra == once.extra


def hostile_pieces() -> list[str]:
    """Return what patterns begin with, and what almost completes them."""
    rng = random.Random(1)
    signs = sorted({sign for signs, _ in VALUES for sign in signs})
    made = [piece for sign in signs for piece in (f"{sign}a.", f"?{sign}x")]
    made += ['"token":"', "'token': '\\", '\\"token\\":\\"a', '"a":', '"token" ', "token: a", "x-token: ", "-token: a,",
             "\\", '\\"pwd\\":\\\\"', '"token":"a\\', "'", '"']  # fmt: skip
    made += ["eyJ", "Bearer ", "://a:", "4111 ", "4-", "-----BEGIN ", "cookie: a=", "authorization: a "]
    return made + ["".join(rng.choice(made) for _ in range(9)) for _ in range(20)]


def test_scrubbing_takes_time_linear_in_the_text():
    def seconds(piece: str, size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        started = time.thread_time()
        scrub_text(text)
        return time.thread_time() - started

    for piece in hostile_pieces():
        # Sixteen times the text: quadratic work would take 256 times as long. The best of a few tries is not the noise.
        ratios = (seconds(piece, 32_000) / seconds(piece, 2_000) for _ in range(4))
        assert any(ratio < 80 for ratio in ratios), piece
