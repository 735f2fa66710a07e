"""How the intelligence service is put together."""

from atlas_core.language_models.ollama import OllamaModel
from atlas_core.runner import Worker
from atlas_core.settings import Settings
from atlas_core.storage.database import Database
from atlas_core.storage.insights import PostgresInsightStore
from atlas_core.topics import INSIGHT_GROUP, INSIGHT_JOBS, ISSUE_UPDATES
from services.channels import database_url, job_consumer, job_publisher, log_consumer
from services.http import Sessions
from services.intelligence.app import make_intelligence_app
from services.intelligence.dispatcher import Dispatcher
from services.intelligence.sweeper import Sweeper
from services.intelligence.worker import InsightWorker
from services.serving import Service


def make(settings: Settings, jwt_key: str) -> Service:
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
