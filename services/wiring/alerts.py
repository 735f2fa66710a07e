"""How the alerts service is put together."""

from atlas_core.notifiers.log import LogNotifier
from atlas_core.runner import Worker
from atlas_core.settings import Settings
from atlas_core.storage.alerts import PostgresAlertStore
from atlas_core.storage.database import Database
from atlas_core.topics import ALERT_GROUP, ISSUE_UPDATES
from services.alerts.app import make_alerts_app
from services.alerts.worker import AlertsWorker
from services.channels import database_url, log_consumer
from services.http import Sessions
from services.serving import Service


def make(settings: Settings, jwt_key: str) -> Service:
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
