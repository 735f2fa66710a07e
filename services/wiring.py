"""How each service is put together from the settings: the only place that knows every adapter."""

from collections.abc import Callable, Mapping

from atlas_core.language_models.ollama import OllamaModel
from atlas_core.notifiers.log import LogNotifier
from atlas_core.runner import Worker
from atlas_core.settings import Settings
from atlas_core.storage.alerts import PostgresAlertStore
from atlas_core.storage.database import Database
from atlas_core.storage.identity import IdentityStore
from atlas_core.storage.insights import PostgresInsightStore
from atlas_core.storage.issue_actions import PostgresIssueActions
from atlas_core.storage.issue_history import IssueHistory
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.keys import ApiKeys
from atlas_core.storage.outcomes import PostgresOutcomes
from atlas_core.storage.retention import Retention
from atlas_core.topics import ALERT_GROUP, ATLAS_EVENTS, INSIGHT_GROUP, INSIGHT_JOBS, ISSUE_GROUP, ISSUE_UPDATES
from services.alerts.app import make_alerts_app
from services.alerts.worker import AlertsWorker
from services.channels import database_url, job_consumer, job_publisher, log_consumer, log_publisher
from services.http import Sessions
from services.identity.app import make_identity_app
from services.ingestion.app import make_ingestion_app
from services.ingestion.group_commit import GroupCommit
from services.ingestion.intake import Intake
from services.ingestion.keys import KeyCache
from services.ingestion.ledger import Ledger
from services.ingestion.rates import Allowances, Rates
from services.intelligence.app import make_intelligence_app
from services.intelligence.dispatcher import Dispatcher
from services.intelligence.sweeper import Sweeper
from services.intelligence.worker import InsightWorker
from services.issues.app import make_issues_app
from services.issues.dead_letters import DeadLetters
from services.issues.forgetter import Forgetter
from services.issues.grouping_routes import Groups
from services.issues.reads import Reads
from services.issues.worker import Digest
from services.issues.workflow_routes import Workflow
from services.serving import Service


def ingestion(settings: Settings, jwt_key: str) -> Service:
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


def identity(settings: Settings, jwt_key: str) -> Service:
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


def issues(settings: Settings, jwt_key: str) -> Service:
    """Return the issue service: events in, issues counted, updates out."""
    database = Database(database_url(settings), pool_size=10, name="atlas-issues")
    updates = log_publisher(settings, ISSUE_UPDATES)
    digest = Digest(PostgresIssueStore(database), updates)
    worker = Worker(
        ATLAS_EVENTS.name,
        ISSUE_GROUP,
        log_consumer(settings, ATLAS_EVENTS, ISSUE_GROUP),
        ATLAS_EVENTS.decode,
        digest.handle,
        max_messages=2_000,
        rejected=DeadLetters(database).count,
    )
    app = make_issues_app(
        Reads.of(database, lambda: worker.lag),
        Sessions(jwt_key, database),
        Workflow(PostgresIssueActions(database), IssueRemoval(database), IssueHistory(database)),
        Groups.of(database),
        checks={"database": database.check, "worker": worker.check, "event log": updates.check},
        cors_origins=settings.cors_origins,
    )
    return Service(
        "issues", app, settings.ports.issues, (worker, Forgetter(Retention(database))), (updates.close, database.close)
    )


def alerts(settings: Settings, jwt_key: str) -> Service:
    """Return the alert service: updates in, alerts out."""
    database = Database(database_url(settings), pool_size=8, name="atlas-alerts")
    store = PostgresAlertStore(database)
    worker = Worker(
        ISSUE_UPDATES.name,
        ALERT_GROUP,
        log_consumer(settings, ISSUE_UPDATES, ALERT_GROUP),
        ISSUE_UPDATES.decode,
        AlertsWorker(store, [LogNotifier()]).handle,
    )
    app = make_alerts_app(
        store,
        Sessions(jwt_key, database),
        checks={"database": database.check, "worker": worker.check},
        cors_origins=settings.cors_origins,
    )
    return Service("alerts", app, settings.ports.alerts, (worker,), (database.close,))


def intelligence(settings: Settings, jwt_key: str) -> Service:
    """Return the intelligence service: updates in, jobs queued, insights written."""
    database = Database(database_url(settings), pool_size=8, name="atlas-intelligence")
    store = PostgresInsightStore(database)
    queue = job_publisher(settings)
    sweep_queue = job_publisher(settings)
    dispatcher = Dispatcher(store, queue)
    dispatching = Worker(
        ISSUE_UPDATES.name,
        INSIGHT_GROUP,
        log_consumer(settings, ISSUE_UPDATES, INSIGHT_GROUP),
        ISSUE_UPDATES.decode,
        dispatcher.handle,
    )
    writing = Worker(
        INSIGHT_JOBS.name,
        INSIGHT_GROUP,
        job_consumer(settings),
        INSIGHT_JOBS.decode,
        InsightWorker(store, OllamaModel(settings.ollama.url, settings.ollama.model)).handle,
        max_messages=1,
    )
    # Publishers are not shared between threads: the sweep and the routes have one of their own.
    second = Dispatcher(store, sweep_queue)
    app = make_intelligence_app(
        store,
        second,
        Sessions(jwt_key, database),
        checks={"database": database.check, "dispatcher": dispatching.check, "worker": writing.check},
        cors_origins=settings.cors_origins,
    )
    workers = (dispatching, writing, Sweeper(store, second))
    closers = (queue.close, sweep_queue.close, database.close)
    return Service("intelligence", app, settings.ports.intelligence, workers, closers)


SERVICES: Mapping[str, Callable[[Settings, str], Service]] = {
    "identity": identity,
    "ingestion": ingestion,
    "issues": issues,
    "alerts": alerts,
    "intelligence": intelligence,
}
