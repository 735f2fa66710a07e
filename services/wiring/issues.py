"""How the issue service is put together."""

from atlas_core.runner import Worker
from atlas_core.settings import Settings
from atlas_core.storage.database import Database
from atlas_core.storage.issue_actions import PostgresIssueActions
from atlas_core.storage.issue_history import IssueHistory
from atlas_core.storage.issue_removal import IssueRemoval
from atlas_core.storage.issues import PostgresIssueStore
from atlas_core.storage.retention import Retention
from atlas_core.topics import ATLAS_EVENTS, ISSUE_GROUP, ISSUE_UPDATES
from services.channels import database_url, log_consumer, log_publisher
from services.http import Sessions
from services.issues.app import make_issues_app
from services.issues.dead_letters import DeadLetters
from services.issues.forgetter import Forgetter
from services.issues.grouping_routes import Groups
from services.issues.reads import Reads
from services.issues.worker import Digest
from services.issues.workflow_routes import Workflow
from services.serving import Service


def make(settings: Settings, jwt_key: str) -> Service:
    """Return the issue service: events in, issues counted, updates out."""
    database = Database(database_url(settings), pool_size=10, name="atlas-issues")
    removal = IssueRemoval(database)
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
        Reads.of(database, worker.lag),
        Sessions(jwt_key, database),
        Workflow(PostgresIssueActions(database), removal, IssueHistory(database)),
        Groups.of(database),
        checks={"database": database.check, "worker": worker.check, "event log": updates.check},
        cors_origins=settings.cors_origins,
    )
    forgetter = Forgetter(Retention(database), removal)
    return Service("issues", app, settings.ports.issues, (worker, forgetter), (updates.close, database.close))
