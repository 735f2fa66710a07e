"""How the ingestion service is put together."""

from atlas_core.settings import Settings
from atlas_core.storage.database import Database
from atlas_core.storage.keys import ApiKeys
from atlas_core.storage.outcomes import PostgresOutcomes
from atlas_core.topics import ATLAS_EVENTS
from services.channels import database_url, log_publisher
from services.ingestion.app import make_ingestion_app
from services.ingestion.group_commit import GroupCommit
from services.ingestion.intake import Intake
from services.ingestion.keys import KeyCache
from services.ingestion.ledger import Ledger
from services.ingestion.rates import Allowances, Rates
from services.serving import Service


def make(settings: Settings, jwt_key: str) -> Service:
    """Return the ingestion service: keys in, events to the log."""
    del jwt_key  # its routes take API keys only
    database = Database(database_url(settings), pool_size=3, name="atlas-ingestion")
    publisher = log_publisher(settings, ATLAS_EVENTS)
    commit = GroupCommit(publisher)
    api_keys = ApiKeys(database)
    keys = KeyCache(api_keys)
    allowed = settings.intake
    rates = Rates(Allowances(allowed.rate_per_key, allowed.events_per_day, allowed.flood_events))
    ledger = Ledger(PostgresOutcomes(database), api_keys, rates)
    checks = {"database": database.check, "event log": publisher.check, "group commit": commit.check}
    intake = Intake(commit, keys, rates, ledger)
    app = make_ingestion_app(intake, checks=checks)
    closers = (intake.close, commit.close, ledger.close, publisher.close, keys.close, database.close)
    return Service("ingestion", app, settings.ports.ingestion, (), closers)
