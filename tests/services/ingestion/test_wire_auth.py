"""Who may send: every form of a key, and every way of getting it wrong."""

import base64

import pytest

from tests.services.ingestion.cases import AUTH, EVENT_ID, Case, check, envelope, store
from tests.services.ingestion.door import KEY, OTHER_KEY, UNKNOWN_KEY, Door, Request

ONE = [{"message": "boom"}]
EVENT = {"message": "boom"}


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def dsn(key: str, project: int = 1) -> dict[str, str]:
    return {"event_id": EVENT_ID, "dsn": f"http://{key}@localhost:8081/{project}"}


ACCEPTED = {
    "X-Sentry-Auth": {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}"},
    "X-Sentry-Auth without blanks": {"X-Sentry-Auth": f"Sentry sentry_key={KEY},sentry_version=7"},
    "X-Sentry-Auth in another order": {
        "x-sentry-auth": f"Sentry sentry_client=x/1, sentry_key={KEY}, sentry_version=7"
    },
    "X-Sentry-Auth of version 6": {"X-Sentry-Auth": f"Sentry sentry_version=6, sentry_timestamp=1, sentry_key={KEY}"},
    "X-Sentry-Auth with a secret": {"X-Sentry-Auth": f"Sentry sentry_key={KEY}, sentry_secret=abc"},
    "X-Sentry-Auth in small letters": {"X-Sentry-Auth": f"sentry sentry_key={KEY}"},
    "X-Sentry-Auth in capitals": {"X-SENTRY-AUTH": f"SENTRY SENTRY_KEY={KEY}"},
    "X-Sentry-Auth in quotes": {"X-Sentry-Auth": f'Sentry sentry_key="{KEY}", sentry_version="7"'},
    "Authorization Sentry": {"Authorization": f"Sentry sentry_key={KEY}, sentry_version=7"},
    "Authorization Bearer": {"Authorization": f"Bearer {KEY}"},
    "Authorization bearer": {"Authorization": f"bearer {KEY}"},
    "Authorization Basic": {"Authorization": basic(f"{KEY}:")},
    "Authorization Basic with a secret": {"Authorization": basic(f"{KEY}:secret")},
    "X-API-Key": {"X-API-Key": KEY},
    "two equal forms": {"X-API-Key": KEY, **AUTH},
}
REFUSED = {
    "nothing": ({}, 401),
    "an empty X-Sentry-Auth": ({"X-Sentry-Auth": ""}, 401),
    "X-Sentry-Auth without a key": ({"X-Sentry-Auth": "Sentry sentry_version=7"}, 401),
    "an unknown key": ({"X-Sentry-Auth": f"Sentry sentry_key={UNKNOWN_KEY}"}, 403),
    "a word for a key": ({"X-Sentry-Auth": "Sentry sentry_key=nonsense"}, 403),
    "a key in capitals": ({"X-Sentry-Auth": f"Sentry sentry_key={KEY.upper()}"}, 403),
    "another project's key": ({"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"}, 403),
    "two different keys": ({"X-API-Key": OTHER_KEY, **AUTH}, 401),
    "Basic that is no base64": ({"Authorization": "Basic %%%"}, 401),
    "Basic of no text": ({"Authorization": "Basic //79"}, 401),
    "a scheme of its own": ({"Authorization": f"Digest {KEY}"}, 401),
    "a key beyond ASCII": ({"X-Sentry-Auth": "Sentry sentry_key=atlas_\u00e9"}, 403),
}
CASES = [
    *(Case(f"envelope, {name}", envelope(EVENT, headers=headers), 200, ONE) for name, headers in ACCEPTED.items()),
    *(Case(f"store, {name}", store(EVENT, headers=headers), 200, ONE) for name, headers in ACCEPTED.items()),
    *(Case(f"envelope, {name}", envelope(EVENT, headers=h), code, []) for name, (h, code) in REFUSED.items()),
    *(Case(f"store, {name}", store(EVENT, headers=h), code, []) for name, (h, code) in REFUSED.items()),
    Case("query", envelope(EVENT, path=f"/api/1/envelope/?sentry_key={KEY}&sentry_version=7", headers={}), 200, ONE),
    Case("query, without the slash", store(EVENT, path=f"/api/1/store?sentry_key={KEY}", headers={}), 200, ONE),
    Case("query of an unknown key", envelope(EVENT, path="/api/1/envelope/?sentry_key=x", headers={}), 403, []),
    Case("an empty query key", envelope(EVENT, path="/api/1/envelope/?sentry_key=", headers={}), 401, []),
    Case("query and header that agree", envelope(EVENT, path=f"/api/1/envelope/?sentry_key={KEY}"), 200, ONE),
    Case("query and header that differ", envelope(EVENT, path=f"/api/1/envelope/?sentry_key={OTHER_KEY}"), 401, []),
    Case(
        "a query of two keys",
        envelope(EVENT, path=f"/api/1/envelope/?sentry_key={KEY}&sentry_key={OTHER_KEY}", headers={}),
        401,
        [],
    ),
    Case(
        "a query of a thousand parameters",
        envelope(EVENT, path=f"/api/1/envelope/?sentry_key={KEY}" + "&a=b" * 1_000, headers={}),
        401,
        [],
    ),
    Case("the envelope's dsn alone", envelope(EVENT, header=dsn(KEY), headers={}), 200, ONE),
    Case("a dsn with a secret", envelope(EVENT, header=dsn(f"{KEY}:secret"), headers={}), 200, ONE),
    Case("dsn and header that agree", envelope(EVENT, header=dsn(KEY)), 200, ONE),
    Case("dsn and header that differ", envelope(EVENT, header=dsn(OTHER_KEY)), 401, []),
    Case("a dsn of an unknown key", envelope(EVENT, header=dsn(UNKNOWN_KEY), headers={}), 403, []),
    Case("a dsn of another project", envelope(EVENT, header=dsn(OTHER_KEY), headers={}), 403, []),
    Case("a dsn without a key", envelope(EVENT, header={"dsn": "http://localhost/1"}, headers={}), 401, []),
    Case("a dsn that is no address", envelope(EVENT, header={"dsn": "http://[::1"}, headers={}), 401, []),
    Case("a dsn that is no text", envelope(EVENT, header={"dsn": 7}, headers={}), 401, []),
    Case("no key and a broken envelope", Request("/api/1/envelope/", b"nonsense\n"), 401, []),
    Case("no key and no body", Request("/api/1/envelope/"), 401, []),
    Case("no key in front of a large envelope", Request("/api/1/envelope/", b"{}\n" + b" " * 3_000_000), 401, []),
    Case("a project that does not exist", envelope(EVENT, path="/api/999/envelope/"), 403, []),
    Case("the project 0", envelope(EVENT, path="/api/0/envelope/"), 403, []),
    Case("a project past 64 bits", envelope(EVENT, path="/api/9999999999999999999/envelope/"), 403, []),
    Case("the project 001", envelope(EVENT, path="/api/001/envelope/"), 200, ONE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_key_is_taken_in_any_form_and_only_for_its_project(door: Door, case: Case):
    check(door, case)


@pytest.mark.parametrize("key", [None, "", UNKNOWN_KEY, "nonsense", KEY.upper(), KEY + "0"])
@pytest.mark.parametrize("path", ["/api/ingest/events", "/api/ingest/events/batch"])
def test_the_native_routes_answer_401_to_a_wrong_key_before_anything_is_read(door: Door, key: str | None, path: str):
    headers = {} if key is None else {"X-API-Key": key}
    response = door.send(Request(path, b"not json", headers))
    assert (response.status, door.take()) == (401, [])
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, AUTH])
def test_the_native_route_takes_its_key_in_every_form(door: Door, headers: dict[str, str]):
    assert door.send(Request(body=b'{"message":"boom"}', headers=headers)).status == 202
    assert len(door.take()) == 1


def test_on_the_native_route_the_key_of_its_own_header_counts(door: Door):
    headers = {"X-API-Key": KEY, "Authorization": "Bearer a.user.token"}
    assert door.send(Request(body=b'{"message":"boom"}', headers=headers)).status == 202


def test_a_refusal_says_why_in_the_sentry_form_and_never_when_to_try_again(door: Door):
    response = door.send(envelope(EVENT, headers={}))
    assert set(response.json()) == {"detail", "error", "causes"}
    assert response.headers["x-sentry-error"] == response.json()["detail"]
    assert "retry-after" not in response.headers
