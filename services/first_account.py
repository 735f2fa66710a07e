"""The first account: made in an empty database, kept in a file that only its owner can read."""

import json
from pathlib import Path
from typing import Final

from atlas_core.settings import Settings
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from services.cli import write_private
from services.identity.accounts import FirstAccount, first_account

ACCOUNT_FILE: Final = "first-account.json"


def ensure_first_account(settings: Settings, url: str) -> dict[str, str] | None:
    """Make an account, a project and its key in a database without accounts; return what was made here, now or earlier.

    Raises:
        TransientError: The database does not answer.
    """
    database = Database(url, pool_size=1, name="atlas-first-account")
    try:
        made: FirstAccount | None = first_account(IdentityStore(database), ingest_host=settings.ingest_host)
    finally:
        database.close()
    if made is not None:
        path = settings.data_dir / ACCOUNT_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        write_private(path, json.dumps(made.as_dict(), indent=2))
    return read_account(settings.data_dir)


def read_account(data_dir: Path) -> dict[str, str] | None:
    """Return the first account that was made with this data directory, or None."""
    path = data_dir / ACCOUNT_FILE
    if not path.exists():
        return None
    account: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return account
