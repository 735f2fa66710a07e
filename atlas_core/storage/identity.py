"""Accounts, organizations, projects and keys. Of a key only its SHA-256 is kept."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from atlas_core import limits
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.projects import key_hash, new_api_key
from atlas_core.storage.database import Database
from atlas_core.storage.keys import LIVE

Json = dict[str, Any]

OWNER: Final = "owner"
_PROJECT: Final = "id, project_name, organization_id, created_at, updated_at"
_KEY: Final = "id, label, created_at, last_used_at, revoked_at"
_LIMITS: Final = "rate_per_s, events_per_day"
_MEMBERSHIP: Final = "SELECT organization_id FROM identity.members WHERE user_id = :user"


class ForbiddenError(NotFoundError):
    """The organization is somebody else's, or does not exist: both look the same."""


class IdentityStore:
    """Keeps accounts and what they own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_user(self, email: str, password_hash: str) -> UUID:
        """Return the id of a new account.

        Raises:
            ConflictError: The e-mail address has one already.
        """
        query = "INSERT INTO identity.users (email, password_hash) VALUES (:email, :hash) RETURNING id"
        user_id: UUID = self._one(query, email=email, hash=password_hash)["id"]
        return user_id

    def find_user(self, email: str) -> tuple[UUID, str] | None:
        """Return the id and password hash of an account, or None."""
        rows = self._rows("SELECT id, password_hash FROM identity.users WHERE email = :email", email=email)
        return (rows[0]["id"], rows[0]["password_hash"]) if rows else None

    def set_password_hash(self, user_id: UUID, old_hash: str, new_hash: str) -> bool:
        """Change a password and end every session of the account; False if it is no longer the old one."""
        change = text(
            "UPDATE identity.users SET password_hash = :new WHERE id = :user AND password_hash = :old RETURNING id"
        )
        end_all = text("DELETE FROM identity.sessions WHERE user_id = :user")
        with self._database.transaction() as connection:
            values = {"user": user_id, "old": old_hash, "new": new_hash}
            if connection.execute(change, values).first() is None:
                return False
            connection.execute(end_all, values)
            return True

    def add_session(self, user_id: UUID, password_hash: str, expires_at: datetime) -> UUID | None:
        """Return the id of a new session, and forget some that are over; None if the password was changed meanwhile."""
        query = """
        WITH over AS (DELETE FROM identity.sessions WHERE id IN (
                        SELECT id FROM identity.sessions WHERE expires_at < now() LIMIT 100 FOR UPDATE SKIP LOCKED))
        INSERT INTO identity.sessions (user_id, expires_at)
        SELECT id, :expires_at FROM identity.users WHERE id = :user AND password_hash = :hash FOR SHARE RETURNING id
        """
        rows = self._rows(query, user=user_id, hash=password_hash, expires_at=expires_at)
        return rows[0]["id"] if rows else None

    def end_session(self, session_id: UUID) -> None:
        """Make a session's token useless, everywhere within five seconds; a second call changes nothing."""
        with self._database.transaction() as connection:
            connection.execute(text("DELETE FROM identity.sessions WHERE id = :id"), {"id": session_id})

    def has_users(self) -> bool:
        """Tell whether there is any account."""
        return bool(self._rows("SELECT 1 FROM identity.users LIMIT 1"))

    def add_organization(self, user_id: UUID, name: str) -> Json:
        """Return a new organization whose owner is the user."""
        query = """
        WITH made AS (INSERT INTO identity.organizations (organization_name, user_id) VALUES (:name, :user)
                      RETURNING id, organization_name, user_id, created_at, updated_at),
             member AS (INSERT INTO identity.members (organization_id, user_id, role)
                        SELECT id, user_id, :role FROM made)
        SELECT * FROM made
        """
        return dict(self._one(query, name=name, user=user_id, role=OWNER))

    def organizations(self, user_id: UUID) -> list[Json]:
        """Return the organizations that the user belongs to, newest first."""
        query = f"""
        SELECT id, organization_name, user_id, created_at, updated_at FROM identity.organizations
        WHERE id IN ({_MEMBERSHIP}) ORDER BY created_at DESC, id
        """  # noqa: S608 - constants only
        return [dict(row) for row in self._rows(query, user=user_id)]

    def add_project(self, user_id: UUID, organization_id: UUID, name: str) -> tuple[Json, str]:
        """Return a new project (with `ingest_id`) and its first key, which is not kept.

        Raises:
            ForbiddenError: The user does not belong to the organization.
            ConflictError: The organization has as many projects as it may.
        """
        api_key = new_api_key()
        with self._database.transaction() as connection:
            lock = "SELECT 1 FROM identity.organizations WHERE id = :organization FOR UPDATE"
            connection.execute(text(lock), {"organization": organization_id})
            member = f"{_MEMBERSHIP} AND organization_id = :organization"
            values = {"user": user_id, "organization": organization_id, "name": name, "hash": key_hash(api_key)}
            if connection.execute(text(member), values).first() is None:
                raise ForbiddenError("no such organization, or it is not yours")
            count = "SELECT count(*) FROM identity.projects WHERE organization_id = :organization"
            if connection.execute(text(count), values).scalar_one() >= limits.PROJECTS_PER_ORGANIZATION:
                raise ConflictError(f"an organization has at most {limits.PROJECTS_PER_ORGANIZATION} projects")
            query = f"""
            WITH made AS (INSERT INTO identity.projects (project_name, organization_id) VALUES (:name, :organization)
                          RETURNING {_PROJECT}, ingest_id),
                 keyed AS (INSERT INTO identity.api_keys (project_id, key_hash, label)
                           SELECT id, :hash, 'first key' FROM made)
            SELECT * FROM made
            """  # noqa: S608 - constants only
            return dict(connection.execute(text(query), values).mappings().one()), api_key

    def projects(self, user_id: UUID) -> list[Json]:
        """Return the projects that the user may see, newest first; never a key or its hash."""
        query = f"""
        SELECT {_PROJECT} FROM identity.projects
        WHERE organization_id IN ({_MEMBERSHIP}) ORDER BY created_at DESC, id
        """  # noqa: S608 - constants only
        return [dict(row) for row in self._rows(query, user=user_id)]

    def keys(self, project_id: UUID) -> list[Json]:
        """Return a project's keys without their secrets, newest first; one may be revoked at a time to come."""
        query = f"SELECT {_KEY} FROM identity.api_keys WHERE project_id = :project"  # noqa: S608 - constants only
        return [dict(row) for row in self._rows(query + " ORDER BY created_at DESC, id", project=project_id)]

    def add_key(self, project_id: UUID, label: str) -> tuple[Json, str]:
        """Return a new key's row (with the project's `ingest_id`) and the key, which is not kept.

        Raises:
            ConflictError: The project has as many live keys as it may.
        """
        with self._database.transaction() as connection:
            return _add_key(connection, project_id, label)

    def rotate_key(self, project_id: UUID, key_id: UUID, grace_s: int) -> tuple[Json, str]:
        """Return a new key in the place of one that ends in `grace_s`; as `add_key` does.

        Raises:
            NotFoundError: The project has no such key, or it is revoked.
            ConflictError: The project has as many live keys as it may, and the old one stays one of them.
        """
        query = f"""
        UPDATE identity.api_keys SET revoked_at = now() + make_interval(secs => :grace)
        WHERE project_id = :project AND id = :key AND {LIVE} RETURNING label
        """  # noqa: S608 - constants only
        with self._database.transaction() as connection:
            values = {"project": project_id, "key": key_id, "grace": grace_s}
            label = connection.execute(text(query), values).scalar_one_or_none()
            if label is None:
                raise NotFoundError("no such key")
            return _add_key(connection, project_id, label)

    def revoke_key(self, project_id: UUID, key_id: UUID) -> None:
        """Make a key useless, everywhere within five seconds; a second call changes nothing.

        Raises:
            NotFoundError: The project has no such key.
        """
        query = """
        UPDATE identity.api_keys SET revoked_at = LEAST(revoked_at, now())
        WHERE project_id = :project AND id = :key RETURNING id
        """
        if not self._rows(query, project=project_id, key=key_id):
            raise NotFoundError("no such key")

    def project_limits(self, project_id: UUID) -> Json:
        """Return what a project may send, None where the settings say."""
        return dict(self._one(f"SELECT {_LIMITS} FROM identity.projects WHERE id = :project", project=project_id))  # noqa: S608 - constants only

    def set_project_limits(self, project_id: UUID, limits_: Json) -> Json:
        """Change some of a project's limits; return all. They hold within five seconds."""
        changes = ", ".join(f"{name} = :{name}" for name in ("rate_per_s", "events_per_day") if name in limits_)
        if not changes:
            return self.project_limits(project_id)
        query = f"UPDATE identity.projects SET {changes}, updated_at = now() WHERE id = :project RETURNING {_LIMITS}"  # noqa: S608 - constants only
        return dict(self._one(query, project=project_id, **limits_))

    def _rows(self, query: str, **values: object) -> list[RowMapping]:
        with self._database.transaction() as connection:
            return list(connection.execute(text(query), values).mappings())

    def _one(self, query: str, **values: object) -> RowMapping:
        return self._rows(query, **values)[0]


def _add_key(connection: Connection, project_id: UUID, label: str) -> tuple[Json, str]:
    api_key = new_api_key()
    values = {"project": project_id, "hash": key_hash(api_key), "label": label}
    lock = "SELECT ingest_id FROM identity.projects WHERE id = :project FOR UPDATE"
    ingest_id = connection.execute(text(lock), values).scalar_one()
    count = f"SELECT count(*) FROM identity.api_keys WHERE project_id = :project AND {LIVE}"  # noqa: S608 - constants only
    if connection.execute(text(count), values).scalar_one() >= limits.KEYS_PER_PROJECT:
        raise ConflictError(f"a project has at most {limits.KEYS_PER_PROJECT} live keys: revoke one first")
    query = f"""
    INSERT INTO identity.api_keys (project_id, key_hash, label) VALUES (:project, :hash, :label) RETURNING {_KEY}
    """  # noqa: S608 - constants only
    made = dict(connection.execute(text(query), values).mappings().one())
    return made | {"ingest_id": ingest_id}, api_key
