"""How each service is put together from the settings: the only place that knows every adapter."""

from collections.abc import Callable

from atlas_core.language_models.ollama import OllamaModel
from atlas_core.notifiers.log import LogNotifier
from atlas_core.runner import Worker
from atlas_core.settings import Settings
from atlas_core.storage.alerts import PostgresAlertStore
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.insights import PostgresInsightStore
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.keys import ApiKeys
from atlas_core.storage.queries import IssueQueries
from atlas_core.topics import ALERT_GROUP, ATLAS_EVENTS, INSIGHT_GROUP, INSIGHT_JOBS, ISSUE_GROUP, ISSUE_UPDATES
from services.alerts.app import make_alerts_app
from services.alerts.worker import AlertsWorker
from services.channels import database_url, job_consumer, job_publisher, log_consumer, log_publisher
from services.http import Sessions
from services.identity.app import make_identity_app
from services.ingestion.app import make_ingestion_app
from services.ingestion.group_commit import GroupCommit
from services.ingestion.keys import KeyCache
from services.intelligence.app import make_intelligence_app
from services.intelligence.dispatcher import Dispatcher
from services.intelligence.sweeper import Sweeper
from services.intelligence.worker import InsightWorker
from services.issues.app import make_issues_app
from services.issues.worker import Digest
from services.serving import Service


def ingestion(settings: Settings, jwt_key: str) -> Service:
    """Return the ingestion service: keys in, events to the log."""
    del jwt_key  # its routes take API keys only
    database = Database(database_url(settings), pool_size=2, name="atlas-ingestion")
    publisher = log_publisher(settings, ATLAS_EVENTS)
    commit = GroupCommit(publisher)
    keys = KeyCache(ApiKeys(database))
    checks = {"database": database.check, "event log": publisher.check, "group commit": commit.check}
    app = make_ingestion_app(commit, keys, checks=checks)
    closers = (commit.close, publisher.close, keys.close, database.close)
    return Service("ingestion", app, settings.ports.ingestion, (), closers)
