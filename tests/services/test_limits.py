"""Limits on accounts, names, lists and counts: each holds at n and refuses n + 1."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from atlas_core import limits
from atlas_core.settings import read_settings
from services.wiring import SERVICES
from tests.services.asgi import call

KEY = "a key of the test's own, long enough for HS256"
PASSWORD = "correct horse 9"


class Services:
    """The services that people talk to, and somebody who is signed in."""

    def __init__(self, url: str) -> None:
        settings = read_settings({"ATLAS_DATABASE_URL": url})
        self.services = {name: SERVICES[name](settings, KEY) for name in ("identity", "issues", "alerts")}
        self.headers: dict[str, str] = {}
        token = self.post("identity", "/auth/signup", 201, email="a@example.org", password=PASSWORD)["token"]
        self.headers = {"authorization": f"Bearer {token}"}
        made = self.post("identity", "/project/create-organization", 201, organization_name="o")["organization"]
        self.organization = made["id"]
        self.project = self.new_project(201)["project"]["id"]

    def send(self, service: str, method: str, path: str, **request: Any) -> httpx.Response:
        return call(
            self.services[service].app,
            method,
            path,
            headers={"content-type": "application/json", **self.headers},
            **request,
        )

    def post(self, service: str, path: str, status: int, **body: Any) -> dict[str, Any]:
        # Written as ASCII, so that half a character can be sent.
        answer = self.send(service, "POST", path, content=json.dumps(body).encode())
        assert answer.status_code == status, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def new_project(self, status: int, name: str = "p") -> dict[str, Any]:
        body = {"organization_id": self.organization, "project_name": name}
        return self.post("identity", "/project/create-project", status, **body)

    def new_rule(self, status: int, **body: Any) -> dict[str, Any]:
        path = f"/projects/{self.project}/rules"
        return self.post("alerts", path, status, **{"name": "r", "condition": "new_issue", **body})


@pytest.fixture(scope="module")
def services(module_database_url: str) -> Iterator[Services]:
    made = Services(module_database_url)
    yield made
    for service in made.services.values():
        for close in service.closers:
            close()


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (limits.PASSWORD_MIN_CHARACTERS - 1, 400),
        (limits.PASSWORD_MIN_CHARACTERS, 201),
        (limits.PASSWORD_MAX_CHARACTERS, 201),
        (limits.PASSWORD_MAX_CHARACTERS + 1, 400),
    ],
)
def test_a_password_is_neither_too_short_nor_too_long(services: Services, length, status):
    password = ("q7 " * length)[:length]
    services.post("identity", "/auth/signup", status, email=f"p{length}@example.org", password=password)
    signing_in = {"email": f"p{length}@example.org", "password": password}
    services.post("identity", "/auth/signin", 200 if status == 201 else 401, **signing_in)


@pytest.mark.parametrize(("more", "status"), [(0, 201), (1, 400)])
def test_an_email_address_may_have_254_characters(services: Services, more, status):
    domain = "x" * (limits.EMAIL_CHARACTERS - len("long@.org") + more)
    services.post("identity", "/auth/signup", status, email=f"long@{domain}.org", password=PASSWORD)


@pytest.mark.parametrize(("more", "identity", "alerts"), [(0, 201, 201), (1, 400, 422)])
def test_a_name_may_have_120_characters(services: Services, more, identity, alerts):
    name = "\u00e9" * (limits.NAME_CHARACTERS + more)
    services.post("identity", "/project/create-organization", identity, organization_name=name)
    services.new_project(identity, name)
    services.post("identity", f"/project/projects/{services.project}/keys", identity, label=name)
    services.new_rule(alerts, name=name)


def test_a_name_is_never_blank(services: Services):
    services.post("identity", "/project/create-organization", 400, organization_name=" \t ")
    services.new_rule(422, name="")
    for name in ("\x00", " \x00\t"):
        services.post("identity", "/project/create-organization", 400, organization_name=name)
        services.new_project(400, name)
        services.post("identity", f"/project/projects/{services.project}/keys", 400, label=name)
        services.new_rule(422, name=name)


EMOJI = "\U0001f600"  # two \\u escapes of six bytes each: nothing takes more for a character
ISSUE, *MORE = [str(UUID(int=n)) for n in range(1_001)]
PRINTS = [f"{n:064x}" for n in range(limits.FINGERPRINTS_SHOWN)]
LONGEST = [
    ("POST", f"/issues/{ISSUE}/unmerge", {"fingerprints": PRINTS}, 404),
    ("POST", f"/issues/{ISSUE}/comments", {"text": EMOJI * limits.COMMENT_CHARACTERS}, 404),
    ("POST", "/issues/merge", {"into": ISSUE, "issues": MORE[: limits.ISSUES_MERGED]}, 404),
    ("POST", "/issues/bulk", {"issues": dict.fromkeys(MORE[: limits.BULK_ISSUES], 2**31 - 1), "priority": "low"}, 404),
    ("PUT", "/grouping", {"rules": EMOJI * limits.GROUPING_RULES_CHARACTERS, "expected_version": 1}, 422),
    ("POST", "/views", {"name": EMOJI * limits.NAME_CHARACTERS, "query": EMOJI * limits.QUERY_CHARACTERS}, 400),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status"), LONGEST, ids=[path for _, path, _, _ in LONGEST])
def test_the_longest_body_that_is_documented_can_be_sent(services: Services, method, path, body, status):
    answer = services.send("issues", method, f"/projects/{services.project}{path}", content=json.dumps(body).encode())
    assert answer.status_code == status, answer.text


def test_a_project_has_at_most_20_live_keys_and_a_revoked_one_makes_room(services: Services):
    project = services.new_project(201)["project"]["id"]
    path = f"/project/projects/{project}/keys"
    for _ in range(limits.KEYS_PER_PROJECT - 1):  # it was made with one
        made = services.post("identity", path, 201, label="k")["key"]
    services.post("identity", path, 409, label="k")
    assert services.send("identity", "DELETE", f"{path}/{made['id']}").status_code == 200
    services.post("identity", path, 201, label="k")


def test_a_project_has_at_most_100_rules(services: Services):
    path = f"/projects/{services.project}/rules"
    there = len(services.send("alerts", "GET", path).json()["rules"])
    for _ in range(limits.RULES_PER_PROJECT - there):
        services.new_rule(201)
    assert "at most 100" in services.new_rule(409)["error"]


@pytest.mark.slow
def test_an_organization_has_at_most_200_projects(services: Services):
    there = len(services.send("identity", "GET", "/project/projects").json()["projects"])
    for _ in range(limits.PROJECTS_PER_ORGANIZATION - there):
        services.new_project(201)
    assert "at most 200" in services.new_project(409)["error"]


@pytest.mark.parametrize(("more", "status"), [(-limits.PAGE_SIZE, 422), (0, 200), (1, 422)])
def test_a_page_of_events_has_at_most_100(services: Services, more, status):
    limit = limits.PAGE_SIZE + more
    path = f"/projects/{services.project}/events?limit={limit}"
    assert services.send("issues", "GET", path).status_code == status


@pytest.mark.parametrize(("threshold", "status"), [(0, 400), (1, 201), (2**62 - 1, 201), (2**62, 400), (-1, 400)])
def test_a_threshold_is_a_number_that_can_be_counted_to(services: Services, threshold, status):
    made = services.send("alerts", "GET", f"/projects/{services.project}/rules").json()["rules"]
    for rule in made[:1]:
        services.send("alerts", "DELETE", f"/projects/{services.project}/rules/{rule['id']}")
    services.new_rule(status, condition="count_threshold", threshold=threshold)


@pytest.mark.parametrize("condition", ["", "full_moon", "\ud800", "x" * 10_000])
def test_a_condition_that_is_none_is_refused_however_it_is_spelled(services: Services, condition):
    assert len(services.new_rule(400, condition=condition)["error"]) < 500
