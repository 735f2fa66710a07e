"""Passwords and tokens."""

import re
import secrets
import threading
from datetime import timedelta
from typing import Final
from uuid import UUID

import argon2
import jwt
import msgspec

from atlas_core import limits
from atlas_core.errors import ConflictError, RejectedError, TransientError
from atlas_core.events import utc_now
from atlas_core.projects import dsn
from atlas_core.storage.identity import IdentityStore
from services.http import AUDIENCE, ISSUER, UnauthorizedError, User

TOKEN_LIFETIME: Final = timedelta(hours=12)
HASHES_AT_ONCE: Final = 2
HASH_WAIT_S: Final = 10.0
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")
_COMMON: Final = frozenset(
    ("password", "password1", "password123", "12345678", "123456789", "1234567890", "qwertyui", "qwerty123",
     "11111111", "iloveyou", "letmein1", "sunshine", "princess", "football", "baseball", "superman", "trustno1",
     "welcome1", "admin123", "abc12345", "passw0rd")
)  # fmt: skip


class FirstAccount(msgspec.Struct):
    """What `atlas up` makes in an empty database, so that one can sign in and report at once."""

    email: str
    password: str
    project_id: str
    api_key: str
    dsn: str

    def as_dict(self) -> dict[str, str]:
        """Return it as a JSON object."""
        return {field: getattr(self, field) for field in self.__struct_fields__}


class Accounts:
    """Signs people up and in.

    Hashing takes about 0.1 s of a core on purpose; only a few are made at once, or signing in would be the cheapest
    way to stop Atlas.
    """

    def __init__(self, store: IdentityStore, jwt_key: str) -> None:
        self._store = store
        self._jwt_key = jwt_key
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._slots = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def sign_up(self, email: str, password: str) -> tuple[UUID, str, str]:
        """Return the id, the e-mail address as kept and a token of a new account.

        Raises:
            RejectedError: The address or the password will not do; the text says why.
            ConflictError: The address has an account already.
            TransientError: Too many are signing in just now.
        """
        address = _address(email)
        _check_password(password)
        password_hash = self._hash(password)
        try:
            user_id = self._store.add_user(address, password_hash)
        except ConflictError as error:
            raise ConflictError("this e-mail address has an account already") from error
        return user_id, address, self.token(user_id, address, password_hash)

    def sign_in(self, email: str, password: str) -> tuple[str, str]:
        """Return the e-mail address and a token.

        Raises:
            UnauthorizedError: No such account, or another password: both say the same and take as long.
            TransientError: Too many are signing in just now.
        """
        address = email.strip().lower()
        found = self._store.find_user(address)
        known = self._verify(found[1] if found else self._nobody, password)
        if found is None or not known:
            raise UnauthorizedError("wrong e-mail address or password")
        return address, self.token(found[0], address, found[1])

    def change_password(self, user: User, password: str, new_password: str) -> str:
        """Return a token of the account, whose other sessions all end: the new password is for those who know it.

        Raises:
            RejectedError: This is not the account's password, or the new one will not do; the text says why.
            TransientError: Too many are signing in just now.
        """
        found = self._store.find_user(user.email)
        if found is None or found[0] != user.id or not self._verify(found[1], password):
            raise RejectedError("this is not your password")
        _check_password(new_password)
        new_hash = self._hash(new_password)
        if not self._store.set_password_hash(user.id, found[1], new_hash):
            raise RejectedError("this is no longer your password")
        return self.token(user.id, user.email, new_hash)

    def sign_out(self, user: User) -> None:
        """End the session that the user asks by; its token holds nowhere within five seconds."""
        self._store.end_session(user.session_id)

    def token(self, user_id: UUID, email: str, password_hash: str) -> str:
        """Return the signed token of a new session, which ends after `TOKEN_LIFETIME`.

        Raises:
            UnauthorizedError: The account has another password by now, or is gone.
        """
        now = utc_now()
        session_id = self._store.add_session(user_id, password_hash, now + TOKEN_LIFETIME)
        if session_id is None:
            raise UnauthorizedError("wrong e-mail address or password")
        claims = {
            "user_id": str(user_id),
            "sub": str(user_id),
            "email": email,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + TOKEN_LIFETIME,
            "jti": str(session_id),
        }
        return jwt.encode(claims, self._jwt_key, algorithm="HS256")

    def _hash(self, password: str) -> str:
        self._take_slot()
        try:
            return self._hasher.hash(password)
        finally:
            self._slots.release()

    def _verify(self, password_hash: str, password: str) -> bool:
        if len(password) > limits.PASSWORD_MAX_CHARACTERS:
            return False
        self._take_slot()
        try:
            return self._hasher.verify(password_hash, password.encode("utf-8", "surrogatepass"))
        except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
            return False
        finally:
            self._slots.release()

    def _take_slot(self) -> None:
        if not self._slots.acquire(timeout=HASH_WAIT_S):
            raise TransientError("too many people are signing in just now: try again")


def first_account(store: IdentityStore, *, ingest_host: str) -> FirstAccount | None:
    """Make an account, an organization and a project in a database without accounts; None when it has some."""
    if store.has_users():
        return None
    email, password = "admin@atlas.localhost", secrets.token_urlsafe(12)
    accounts = Accounts(store, secrets.token_hex(32))
    user_id, _, _ = accounts.sign_up(email, password)
    organization = store.add_organization(user_id, "My organization")
    project, api_key = store.add_project(user_id, organization["id"], "My first project")
    address = dsn(api_key, ingest_host, project["ingest_id"])
    return FirstAccount(email, password, str(project["id"]), api_key, address)


def _address(email: str) -> str:
    address = email.strip().lower()
    if len(address) > limits.EMAIL_CHARACTERS or not address.isprintable() or not _EMAIL.fullmatch(address):
        raise RejectedError("this is not an e-mail address")
    return address


def _check_password(password: str) -> None:
    shortest, longest = limits.PASSWORD_MIN_CHARACTERS, limits.PASSWORD_MAX_CHARACTERS
    if not shortest <= len(password) <= longest or not password.strip():
        raise RejectedError(f"a password has {shortest} to {longest} characters, not only blanks")
    if password.lower() in _COMMON:
        raise RejectedError("this password is among the first that anybody would try")
    try:
        password.encode()
    except UnicodeEncodeError as error:
        raise RejectedError("the password holds half a character") from error
