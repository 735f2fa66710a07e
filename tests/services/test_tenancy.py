"""Every route x every actor, found in the services' own OpenAPI: a new route is tested as soon as it is there."""

import re
import time
from uuid import uuid4

import jwt
import pytest

from services.wiring import SERVICES
from tests.services.tenants import KEY, PUBLIC, SECRET, Route, Tenants

INGEST = "ingestion"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")
ANOTHER_KEY = "another key, which is as long as it has to be"


@pytest.fixture(scope="module")
def private(tenants: Tenants) -> list[Route]:
    """Every route that asks for a person's token."""
    return [route for name in SERVICES if name != INGEST for route in tenants.routes(name) if route.path not in PUBLIC]


@pytest.fixture(scope="module")
def lasting(private: list[Route]) -> list[Route]:
    """Every such route but the one after which a token holds nowhere."""
    return [route for route in private if route.path != "/auth/signout"]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def changed(tenants: Tenants, key: str = KEY, algorithm: str = "HS256", **claims: object) -> dict[str, str]:
    """The member's own claims, but for what is wrong with them."""
    kept = {name: value for name, value in {**tenants.claims(), **claims}.items() if value is not None}
    return bearer(jwt.encode(kept, key if algorithm != "none" else None, algorithm=algorithm))


STRANGERS = {
    "nobody": lambda _: {},
    "a word": lambda _: bearer("nonsense"),
    "another scheme": lambda tenants: {"authorization": f"Basic {tenants.member}"},
    "an ingest key": lambda tenants: bearer(tenants.project["api_key"]),
    "an ingest key in its own header": lambda tenants: {"X-API-Key": tenants.project["api_key"]},
    "a token that has expired": lambda tenants: changed(tenants, exp=int(time.time()) - 1),
    "a token without an end": lambda tenants: changed(tenants, exp=None),
    "a token of a deleted user": lambda tenants: bearer(tenants.gone),
    "a token of a session that was ended": lambda tenants: bearer(tenants.ended),
    "a token of no session": lambda tenants: changed(tenants, jti=None),
    "a token of a session that never was": lambda tenants: changed(tenants, jti=str(uuid4())),
    "a token of another's session": lambda tenants: changed(tenants, user_id=str(uuid4())),
    "a token for nobody in particular": lambda tenants: changed(tenants, aud=None),
    "a token signed with another key": lambda tenants: changed(tenants, key=ANOTHER_KEY),
    "a token that is not signed": lambda tenants: changed(tenants, algorithm="none"),
    "a token of another algorithm": lambda tenants: changed(tenants, algorithm="HS512"),
    "a token of another issuer": lambda tenants: changed(tenants, iss="somebody-else"),
    "a token for another audience": lambda tenants: changed(tenants, aud="somewhere-else"),
}


def what_the_member_sees(tenants: Tenants, private: list[Route]) -> dict[str, str]:
    """Return every answer to the member, without its times: some tell what time it is."""
    return {
        str(route): TIME.sub("", tenants.call(route, bearer(tenants.member), tenants.ids(route)).text)
        for route in private
        if route.method == "GET"
    }


def test_the_routes_that_ask_for_nobody_are_those_that_are_named(tenants, private):
    found = {route.path for name in SERVICES for route in tenants.routes(name)}
    assert found >= PUBLIC
    assert len(private) >= 20


@pytest.mark.parametrize("who", STRANGERS)
def test_no_route_answers(who: str, tenants: Tenants, private: list[Route]):
    headers, before = STRANGERS[who](tenants), what_the_member_sees(tenants, private)
    let_in = {
        str(route): answer.status_code
        for route in private
        if (answer := tenants.call(route, headers, tenants.ids(route))).status_code != 401
    }
    assert let_in == {}
    assert what_the_member_sees(tenants, private) == before


def test_a_foreign_user_cannot_tell_what_exists_from_what_does_not(tenants: Tenants, lasting: list[Route]):
    problems = []
    for route in lasting:
        ids = tenants.ids(route)
        answer = tenants.call(route, bearer(tenants.foreign), ids)
        missing = tenants.call(route, bearer(tenants.foreign), {name: str(uuid4()) for name in ids})
        if "{" in route.path and answer.status_code != 404:
            problems.append(f"{route}: {answer.status_code}, not 404")
        if "{" in route.path and (answer.status_code, answer.text) != (missing.status_code, missing.text):
            problems.append(f"{route}: {answer.text} for what exists, {missing.text} for what does not")
    assert problems == []


def test_a_foreign_user_reads_nothing_of_the_project_and_makes_nothing_in_it(tenants: Tenants, lasting: list[Route]):
    before = what_the_member_sees(tenants, lasting)
    own = {tenants.foreign_project["id"], tenants.foreign_project["organization_id"]}
    victims = {tenants.project["id"], tenants.organization}
    for route in lasting:
        answer = tenants.call(route, bearer(tenants.foreign), tenants.ids(route)).text
        assert not any(identity in answer for identity in victims), route
        assert SECRET not in answer or any(identity in answer for identity in own), route
    body = {"organization_id": tenants.organization, "project_name": "mine"}
    made = tenants.send("identity", "POST", "/project/create-project", bearer(tenants.foreign), body)
    assert made.status_code == 403
    assert what_the_member_sees(tenants, lasting) == before


def test_the_same_calls_let_a_member_in(tenants: Tenants, lasting: list[Route]):
    problems = []
    for route in lasting:
        ids = tenants.fresh_ids(route)
        foreign = tenants.call(route, bearer(tenants.foreign), ids)
        member = tenants.call(route, bearer(tenants.member), ids)
        if member.status_code in {401, 403} or ("{" in route.path and member.text == foreign.text):
            problems.append(f"{route}: {member.status_code} {member.text}")
    assert problems == []


def test_an_ingest_route_takes_live_keys_of_its_own_project_and_nothing_else(tenants: Tenants):
    routes = [route for route in tenants.routes(INGEST) if route.path not in PUBLIC]
    assert len(routes) >= 5
    before = tenants.read("issues", f"/projects/{tenants.project['id']}/overview")
    problems = [
        f"{route} let {who} in: {answer.status_code}"
        for route in routes
        for who, key in {
            "nobody": None,
            "a word": "nonsense",
            "an unknown key": "atlas_" + "0" * 64,
            "a revoked key": tenants.revoked_key,
            "a member": tenants.member,
        }.items()
        for headers in key_headers(key)
        if (answer := tenants.call(route, headers, tenants.ids(route))).status_code not in {401, 403}
    ]
    assert problems == []
    for route in routes:
        if "{project}" in route.path:
            for headers in key_headers(tenants.foreign_project["api_key"]):
                assert tenants.call(route, headers, tenants.ids(route)).status_code in {401, 403}, route
    assert tenants.read("issues", f"/projects/{tenants.project['id']}/overview") == before


def key_headers(key: str | None) -> list[dict[str, str]]:
    """Every way in which a client may show a key."""
    if key is None:
        return [{}]
    return [{"X-API-Key": key}, bearer(key), {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}"}]
