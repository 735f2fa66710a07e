"""Keys of a project: made, replaced, revoked, last used; and what a project may send."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from atlas_core import limits
from atlas_core.projects import key_hash
from atlas_core.settings import read_settings
from atlas_core.storage.database import Database
from atlas_core.storage.keys import ApiKeys
from services.wiring import SERVICES
from tests.services.asgi import call

SECRET = "a key of the test's own, long enough for HS256"


class Owner:
    """Somebody with a project, through the identity service's routes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.service = SERVICES["identity"](read_settings({"ATLAS_DATABASE_URL": url}), SECRET)
        self.database = Database(url, pool_size=1)
        self.keys = ApiKeys(self.database)
        self.headers: dict[str, str] = {}
        account = {"email": "k@example.org", "password": "correct horse 9"}
        self.headers = {"authorization": f"Bearer {self.send('POST', '/auth/signup', **account)['token']}"}
        self.organization = self.send("POST", "/project/create-organization", organization_name="o")["organization"]
        self.begin()

    def begin(self) -> None:
        """Go on with a new project, which has one key."""
        self.project = self.new_project()
        self.path = f"/project/projects/{self.project['id']}"

    def new_project(self) -> dict[str, Any]:
        body = {"organization_id": self.organization["id"], "project_name": "p"}
        project: dict[str, Any] = self.send("POST", "/project/create-project", **body)["project"]
        return project

    def answer(self, method: str, path: str, **body: Any) -> httpx.Response:
        return call(self.service.app, method, path, headers=self.headers, json=body)

    def send(self, method: str, path: str, **body: Any) -> Any:
        answer = self.answer(method, path, **body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def listed(self) -> dict[str, dict[str, Any]]:
        return {key["id"]: key for key in self.send("GET", f"{self.path}/keys")["keys"]}

    def is_live(self, api_key: str) -> bool:
        return self.keys.find(key_hash(api_key)) is not None

    def close(self) -> None:
        self.database.close()
        for close in self.service.closers:
            close()


@pytest.fixture(scope="module")
def account(module_database_url: str) -> Iterator[Owner]:
    made = Owner(module_database_url)
    yield made
    made.close()


@pytest.fixture
def owner(account: Owner) -> Owner:
    """The owner of a project with one key."""
    account.begin()
    return account


def test_a_project_has_several_keys_with_labels_and_no_secret_is_listed(owner):
    made = owner.send("POST", f"{owner.path}/keys", label="mobile")["key"]
    listed = owner.listed()
    assert {key["label"] for key in listed.values()} == {"first key", "mobile"}
    assert set(listed[made["id"]]) == {"id", "label", "created_at", "last_used_at", "revoked_at"}
    assert made["api_key"] not in str(listed)
    assert made["dsn"].startswith(f"http://{made['api_key']}@")
    assert owner.is_live(made["api_key"])
    assert owner.is_live(owner.project["api_key"])


def test_a_revoked_key_stays_listed_and_is_dead(owner):
    (key_id,) = owner.listed()
    for _ in range(2):
        assert owner.send("DELETE", f"{owner.path}/keys/{key_id}") == {"status": "revoked"}
    first = owner.listed()[key_id]["revoked_at"]
    owner.send("DELETE", f"{owner.path}/keys/{key_id}")
    assert owner.listed()[key_id]["revoked_at"] == first
    assert not owner.is_live(owner.project["api_key"])


def test_a_rotated_key_ends_at_once_and_the_new_one_has_its_label(owner):
    old = owner.send("POST", f"{owner.path}/keys", label="mobile")["key"]
    new = owner.send("POST", f"{owner.path}/keys/{old['id']}/rotate")["key"]
    assert (new["label"], new["id"] != old["id"], new["api_key"] != old["api_key"]) == ("mobile", True, True)
    assert owner.is_live(new["api_key"])
    assert not owner.is_live(old["api_key"])


def test_a_rotated_key_may_have_a_time_of_grace_that_revoking_ends(owner):
    old = owner.send("POST", f"{owner.path}/keys")["key"]
    owner.send("POST", f"{owner.path}/keys/{old['id']}/rotate", grace_s=3_600)
    assert owner.is_live(old["api_key"])
    owner.send("DELETE", f"{owner.path}/keys/{old['id']}")
    assert not owner.is_live(old["api_key"])


def test_grace_ends_by_itself(owner):
    old = owner.send("POST", f"{owner.path}/keys")["key"]
    owner.send("POST", f"{owner.path}/keys/{old['id']}/rotate", grace_s=60)
    with psycopg.connect(owner.url) as connection:
        connection.execute(
            "UPDATE identity.api_keys SET revoked_at = revoked_at - interval '61 s' WHERE id = %s", [old["id"]]
        )
    assert not owner.is_live(old["api_key"])
    assert owner.answer("POST", f"{owner.path}/keys/{old['id']}/rotate").status_code == 404


@pytest.mark.parametrize(
    ("grace_s", "status"), [(0, 201), (limits.KEY_GRACE_S, 201), (limits.KEY_GRACE_S + 1, 400), (-1, 400), ("x", 400)]
)
def test_grace_is_bounded(owner, grace_s, status):
    (key_id,) = owner.listed()
    assert owner.answer("POST", f"{owner.path}/keys/{key_id}/rotate", grace_s=grace_s).status_code == status


def test_a_project_at_its_most_keys_can_still_replace_one(owner):
    for _ in range(limits.KEYS_PER_PROJECT - 1):
        owner.send("POST", f"{owner.path}/keys")
    key_id = next(iter(owner.listed()))
    assert owner.answer("POST", f"{owner.path}/keys").status_code == 409
    assert owner.answer("POST", f"{owner.path}/keys/{key_id}/rotate", grace_s=60).status_code == 409
    assert owner.listed()[key_id]["revoked_at"] is None
    assert owner.answer("POST", f"{owner.path}/keys/{key_id}/rotate").status_code == 201


def test_a_key_that_the_project_does_not_have_is_not_found(owner):
    other = owner.new_project()
    (foreign,) = owner.send("GET", f"/project/projects/{other['id']}/keys")["keys"]
    for key_id in (foreign["id"], uuid4()):
        assert owner.answer("POST", f"{owner.path}/keys/{key_id}/rotate").status_code == 404
        assert owner.answer("DELETE", f"{owner.path}/keys/{key_id}").status_code == 404
    assert owner.is_live(other["api_key"])


def test_the_last_use_of_a_key_is_listed(owner):
    (key_id,) = owner.listed()
    assert owner.listed()[key_id]["last_used_at"] is None
    owner.keys.mark_used([UUID(key_id), uuid4()])
    assert owner.listed()[key_id]["last_used_at"] is not None


def test_a_project_has_limits_of_its_own_which_its_keys_carry(owner):
    path = f"{owner.path}/limits"
    assert owner.send("GET", path) == {"limits": {"rate_per_s": None, "events_per_day": None}}
    assert owner.send("PATCH", path, rate_per_s=50) == {"limits": {"rate_per_s": 50, "events_per_day": None}}
    owner.send("PATCH", path, events_per_day=0)
    found = owner.keys.find(key_hash(owner.project["api_key"]))
    assert found is not None
    assert (found.rate_per_s, found.events_per_day) == (50, 0)
    assert owner.send("PATCH", path, rate_per_s=None)["limits"] == {"rate_per_s": None, "events_per_day": 0}
    assert owner.send("PATCH", path)["limits"] == {"rate_per_s": None, "events_per_day": 0}


@pytest.mark.parametrize(
    "body", [{"rate_per_s": -1}, {"rate_per_s": "x"}, {"events_per_day": 2**60}, {"rate_per_s": 1.5}]
)
def test_a_limit_that_cannot_be_is_refused(owner, body):
    assert owner.answer("PATCH", f"{owner.path}/limits", **body).status_code == 400
