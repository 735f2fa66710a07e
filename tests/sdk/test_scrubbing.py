import json
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_sdk import Client
from atlas_sdk.scrubbing import FILTERED, scrub
from tests.sdk.scripted_server import KEY, QUICK, ScriptedServer

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow/IBAA+KCAQEA\nq1w2e3\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    [
        "password", "db_passwd", "PASSWORD_2", "passphrase", "client_secret", "csrfToken", "X-Api-Key", "apikey",
        "Authorization", "Cookie", "session_id", "sessionid", "private_key", "credentials", "pwd", "auth", "ssn", "cvv",
        "aws_access_key_id", "card number",
    ],
)  # fmt: skip
def test_a_field_with_the_name_of_a_secret_is_filtered(name: str) -> None:
    assert scrub({"a": [{name: "x", "b": 1}]}) == {"a": [{name: FILTERED, "b": 1}]}
    assert scrub({name: {"deep": [1]}}) == {name: FILTERED}


@pytest.mark.parametrize(
    "name", ["author", "message", "passenger", "compass", "keyboard", "monkey", "lineno", "assign"]
)
def test_other_names_are_left_alone(name: str) -> None:
    assert scrub({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_an_empty_secret_stays_empty_as_it_explains_errors(empty: Any) -> None:
    assert scrub({"password": empty}) == {"password": empty}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key atlas_" + "0a" * 32 + " refused", f"key {FILTERED} refused"),
        ("Bearer abcdefgh.ijkl-mnop", f"Bearer {FILTERED}"),
        ("basic dXNlcjpwYXNz", f"basic {FILTERED}"),
        ("bearer opaque.tokens.of.small.letters", f"bearer {FILTERED}"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ", f"jwt {FILTERED}"),
        ("postgres://me:pa$$w@db:5432/x", f"postgres://me:{FILTERED}@db:5432/x"),
        ("redis://:pw@cache", f"redis://:{FILTERED}@cache"),
        ("GET /x?a=1&access_token=abc&b=2", f"GET /x?a=1&access_token={FILTERED}&b=2"),
        ("Cookie: a=b; c=d\r\nHost: x", f"Cookie: {FILTERED}\r\nHost: x"),
        ("id AKIAIOSFODNN7EXAMPLE", f"id {FILTERED}"),
        ("ghp_" + "a" * 36, FILTERED),
        ("glpat-" + "a" * 20, FILTERED),
        ("xoxb-" + "1" * 20, FILTERED),
        (f"{PEM} end", f"-----BEGIN RSA PRIVATE KEY-----{FILTERED}-----END RSA PRIVATE KEY----- end"),
        ("{'db_password': 'hun\\'ter2', 'b': 1}", f"{{'db_password': '{FILTERED}', 'b': 1}}"),
        ('Login(token="abc", n=1)', f'Login(token="{FILTERED}", n=1)'),
        ("{'secret': b'abc'}", f"{{'secret': b'{FILTERED}'}}"),
        ("host=db password=hunter2 dbname=x", f"host=db password={FILTERED} dbname=x"),
        ("pwd=hunter2", f"pwd={FILTERED}"),
        ("card 4111 1111 1111 1111 refused", f"card {FILTERED} refused"),
    ],
)
def test_a_text_with_a_secret_in_it_loses_the_secret_only(text: str, clean: str) -> None:
    assert scrub(text) == clean
    assert scrub({"a": [text], "plain": "stays"}) == {"a": [clean], "plain": "stays"}


@pytest.mark.parametrize(
    "text",
    [
        "invalid token: unexpected end of file",
        "    return connect(password=password, host=host)",
        "token = lexer.next()",
        "order 4111 1111 1111 1112",
        "trace 4216f009c2e549fb9350776535692c8c",
        "at 1763999999123456786 ns",
        "2026-11-25 10:11:12.123456",
        "https://host:8443/path",
        "basic research",
        "bearer authentication is off",
        "sk-learn",
    ],
)
def test_what_only_resembles_a_secret_stays_readable(text: str) -> None:
    assert scrub(text) == text


def test_the_clients_own_key_never_leaves_in_a_body(server: ScriptedServer) -> None:
    key = "an-old-key-of-another-form"
    with Client(key, server.url, include_local_variables=True, **QUICK) as client:
        mine = key
        try:
            raise ValueError(f"with {mine}")
        except ValueError as error:
            client.capture_error(error, extra={"x": [f"<{mine}>"]}, tags={mine: mine})
    assert key not in json.dumps(server.events)
    assert server.headers[0]["x-api-key"] == key


def test_local_variables_and_breadcrumbs_are_scrubbed(server: ScriptedServer) -> None:
    with Client(KEY, server.url, include_local_variables=True, **QUICK) as client:
        client.add_breadcrumb("POST /login?token=hunter2", data={"headers": {"Cookie": "hunter2"}})
        try:
            password, settings = "hunter2", {"db": {"password": "hunter2"}}  # noqa: S105, F841, RUF100 - read below
            raise ValueError("refused")
        except ValueError as error:
            client.capture_error(error)
    (event,) = server.events
    variables = event["exception"]["values"][0]["stacktrace"]["frames"][-1]["vars"]
    assert variables["password"] == FILTERED
    assert variables["settings"] == f"{{'db': {{'password': '{FILTERED}'}}}}"
    assert "hunter2" not in json.dumps([event["breadcrumbs"], variables])


@given(st.uuids(version=4), st.integers(min_value=1_500_000_000, max_value=2_500_000_000))
def test_ids_and_times_are_not_taken_for_cards(number: UUID, seconds: int) -> None:
    texts = [number.hex, str(number), str(seconds * 10**6), str(seconds * 10**9)]
    assert scrub(texts) == texts


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_scrubbing_keeps_the_shape_and_a_second_time_changes_nothing(value: Any) -> None:
    once = scrub(value)
    assert type(once) is type(value)
    assert scrub(once) == once


@pytest.mark.parametrize(
    "piece",
    [
        "a", "?", "?a", "password", "token='", "token=", "token    :    ", "token_", "://a:", "eyJaaaaaaaaa.", "1",
        "1 ", "-----BEGIN PRIVATE KEY-----", "cookie: ", "basic ", "sk-", "AKIA", "'password': '\\",
    ],
)  # fmt: skip
def test_the_time_grows_with_the_text_and_not_faster(piece: str) -> None:
    def time_s(characters: int) -> float:
        text = piece * (characters // len(piece))
        started = time.thread_time()
        scrub(text)
        return time.thread_time() - started

    small_s, large_s = (min(time_s(size) for _ in range(3)) for size in (16_000, 128_000))
    # Eight times the text: a quadratic search takes 64 times as long. What takes no time at all proves nothing.
    assert large_s < 32 * small_s or large_s < 0.02
