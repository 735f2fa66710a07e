"""How the identity service is put together."""

from atlas_core.settings import Settings
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from services.channels import database_url
from services.http import Sessions
from services.identity.app import make_identity_app
from services.serving import Service


def make(settings: Settings, jwt_key: str) -> Service:
    """Return the identity service."""
    database = Database(database_url(settings), pool_size=8, name="atlas-identity")
    app = make_identity_app(
        IdentityStore(database),
        jwt_key,
        Sessions(jwt_key, database),
        ingest_host=settings.ingest_host,
        checks={"database": database.check},
        cors_origins=settings.cors_origins,
    )
    return Service("identity", app, settings.ports.identity, (), (database.close,))
