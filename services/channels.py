"""Which adapter carries which channel: PostgreSQL on the embedded default, Kafka and RabbitMQ where they are set."""

from typing import Any

from atlas_core.errors import MisconfiguredError
from atlas_core.ports import Consumer, Publisher
from atlas_core.settings import Settings
from atlas_core.topics import INSIGHT_JOBS, Topic
from atlas_core.transports.postgres import (
    PostgresConsumer,
    PostgresJobConsumer,
    PostgresJobPublisher,
    PostgresPublisher,
)

JOB_LEASE_S = 300.0


def database_url(settings: Settings) -> str:
    """Return where PostgreSQL is.

    Raises:
        MisconfiguredError: No address is set.
    """
    if settings.database_url is None:
        raise MisconfiguredError(
            "no database: start everything with `atlas up`, or set ATLAS_DATABASE_URL=postgresql://..."
        )
    return settings.database_url


def log_publisher(settings: Settings, topic: Topic[Any]) -> Publisher:
    """Return what appends to a topic of the event log."""
    if settings.kafka_brokers:
        from atlas_core.transports.kafka import KafkaPublisher  # noqa: PLC0415 - librdkafka only where it is used

        return KafkaPublisher(settings.kafka_brokers, topic.name, topic.partitions)
    return PostgresPublisher(database_url(settings), topic.name, topic.partitions)


def log_consumer(settings: Settings, topic: Topic[Any], group: str) -> Consumer:
    """Return a member of a group that reads a topic of the event log."""
    if settings.kafka_brokers:
        from atlas_core.transports.kafka import KafkaConsumer  # noqa: PLC0415 - librdkafka only where it is used

        return KafkaConsumer(settings.kafka_brokers, topic.name, topic.partitions, group)
    return PostgresConsumer(database_url(settings), topic.name, topic.partitions, group)


def job_publisher(settings: Settings) -> Publisher:
    """Return what queues insight jobs."""
    if rabbit := settings.rabbit:
        from atlas_core.transports.rabbitmq import RabbitPublisher  # noqa: PLC0415 - pika only where it is used

        return RabbitPublisher(rabbit.host, rabbit.port, rabbit.user, rabbit.password, INSIGHT_JOBS.name)
    return PostgresJobPublisher(database_url(settings), INSIGHT_JOBS.name)


def job_consumer(settings: Settings) -> Consumer:
    """Return what takes insight jobs, one at a time."""
    if rabbit := settings.rabbit:
        from atlas_core.transports.rabbitmq import RabbitConsumer  # noqa: PLC0415 - pika only where it is used

        return RabbitConsumer(rabbit.host, rabbit.port, rabbit.user, rabbit.password, INSIGHT_JOBS.name, prefetch=1)
    return PostgresJobConsumer(database_url(settings), INSIGHT_JOBS.name, JOB_LEASE_S)
