"""Signing out, a new password and the removal of an account end sessions, in every process."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
import sqlalchemy

from atlas_core.errors import TransientError
from atlas_core.events import utc_now
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from services import http
from services.http import Sessions, UnauthorizedError
from services.identity.accounts import Accounts
from services.identity.app import make_identity_app
from tests.services.asgi import call

KEY = "a key of the test's own, long enough for HS256"
EMAIL, PASSWORD, NEW = "ann@example.org", "correct horse 9", "battery staple 8"


class Identity:
    """The identity service with one account, and how another process checks its tokens."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = IdentityStore(database)
        self.elsewhere = Sessions(KEY, database)
        here = Sessions(KEY, database)
        self._app = make_identity_app(self.store, KEY, here, ingest_host="localhost:8081", checks={})
        made = self.post("/auth/signup", {"email": EMAIL, "password": PASSWORD}).json()
        self.user, self.token = UUID(made["user"]["id"]), str(made["token"])

    def post(self, path: str, body: object = None, token: str = "") -> httpx.Response:
        return call(self._app, "POST", path, json=body, headers={"authorization": f"Bearer {token}"} if token else {})

    def sign_in(self, password: str = PASSWORD, email: str = EMAIL) -> str:
        answer = self.post("/auth/signin", {"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def change(self, token: str, password: str, new: str) -> httpx.Response:
        return self.post("/auth/change-password", {"password": password, "new_password": new}, token)

    def sql(self, query: str, **values: object) -> Any:
        with self.database.transaction() as connection:
            result = connection.execute(sqlalchemy.text(query), values)
            return result.scalar() if result.returns_rows else None

    def holds(self, token: str) -> bool:
        """Whether both this process and another take the token."""
        answer = call(self._app, "GET", "/auth/session", headers={"authorization": f"Bearer {token}"})
        try:
            there = self.elsewhere.user(f"Bearer {token}").email
        except UnauthorizedError:
            assert answer.status_code == 401
            return False
        assert (answer.status_code, answer.json()["user"]["email"]) == (200, there)
        return True


@pytest.fixture
def identity(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    monkeypatch.setattr(http, "MEMBERSHIP_TTL_S", 0.0)  # what it remembers has a test of its own
    database = Database(database_url, pool_size=4)
    yield Identity(database)
    database.close()


def test_signing_out_ends_this_session_and_no_other(identity: Identity):
    phone = identity.sign_in()
    assert identity.holds(identity.token)
    assert identity.post("/auth/signout", token=identity.token).json() == {"message": "Signed out"}
    assert not identity.holds(identity.token)
    assert identity.post("/auth/signout", token=identity.token).status_code == 401
    assert identity.holds(phone)


def test_a_process_that_knows_a_session_forgets_it_within_five_seconds(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.undo()
    assert http.MEMBERSHIP_TTL_S < 5
    assert identity.holds(identity.token)
    identity.post("/auth/signout", token=identity.token)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + http.MEMBERSHIP_TTL_S)
    assert not identity.holds(identity.token)


def test_a_new_password_ends_every_session_but_the_one_that_it_begins(identity: Identity):
    phone = identity.sign_in()
    answer = identity.change(identity.token, PASSWORD, NEW)
    assert (answer.status_code, answer.json()["message"]) == (200, "Password changed")
    assert identity.holds(answer.json()["token"])
    assert not identity.holds(identity.token)
    assert not identity.holds(phone)
    assert identity.post("/auth/signin", {"email": EMAIL, "password": PASSWORD}).status_code == 401
    assert identity.holds(identity.sign_in(NEW))


@pytest.mark.parametrize(
    ("password", "new", "says"),
    [("wrong password", NEW, "not your password"), ("", NEW, "not your password"), (PASSWORD, "short", "8 to 256"),
     (PASSWORD, "password123", "among the first"), (PASSWORD, " " * 9, "only blanks")],
)  # fmt: skip
def test_a_password_that_will_not_do_changes_nothing(identity: Identity, password: str, new: str, says: str):
    answer = identity.change(identity.token, password, new)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert identity.holds(identity.token)
    assert identity.holds(identity.sign_in())


def test_nobody_changes_a_password_without_a_session(identity: Identity):
    assert identity.change("", PASSWORD, NEW).status_code == 401
    identity.post("/auth/signout", token=identity.token)
    assert identity.change(identity.token, PASSWORD, NEW).status_code == 401


def test_a_removed_account_has_no_session(identity: Identity):
    identity.sql("DELETE FROM identity.users WHERE id = :id", id=identity.user)
    assert not identity.holds(identity.token)


def test_a_sign_in_that_began_before_the_password_changed_gets_no_session(identity: Identity):
    _, old = identity.store.find_user(EMAIL) or (None, "")
    identity.change(identity.token, PASSWORD, NEW)
    with pytest.raises(UnauthorizedError):
        Accounts(identity.store, KEY).token(identity.user, EMAIL, old)


def test_two_changes_of_the_same_password_are_one(identity: Identity):
    _, old = identity.store.find_user(EMAIL) or (None, "")
    assert identity.store.set_password_hash(identity.user, old, "first")
    assert not identity.store.set_password_hash(identity.user, old, "second")


def test_a_session_ends_with_its_row_and_over_ones_are_forgotten(identity: Identity):
    _, password_hash = identity.store.find_user(EMAIL) or (None, "")
    identity.sql("UPDATE identity.sessions SET expires_at = now() - interval '1 s'")
    assert not identity.holds(identity.token)
    identity.store.add_session(identity.user, password_hash, utc_now() + timedelta(hours=1))
    assert identity.sql("SELECT count(*) FROM identity.sessions") == 1


def test_a_token_says_whom_it_is_for_and_which_session_it_is_of(identity: Identity):
    claims = jwt.decode(identity.token, options={"verify_signature": False})
    assert claims["aud"] == "atlas"
    assert identity.sql("SELECT user_id FROM identity.sessions WHERE id = :id", id=UUID(claims["jti"])) == identity.user


def test_the_database_that_does_not_answer_ends_nobodys_session(identity: Identity):
    unreachable = Database("postgresql://127.0.0.1:9/atlas?connect_timeout=2")
    with pytest.raises(TransientError):
        Sessions(KEY, unreachable).user(f"Bearer {identity.token}")
    unreachable.close()


def test_blanks_around_an_address_are_no_part_of_it(identity: Identity):
    assert identity.post("/auth/signup", {"email": " Bob@Example.org ", "password": PASSWORD}).status_code == 201
    for email in (" Bob@Example.org ", "bob@example.org", "bob@example.org\n"):
        answer = identity.post("/auth/signin", {"email": email, "password": PASSWORD})
        assert (answer.status_code, answer.json().get("email")) == (200, "bob@example.org")
