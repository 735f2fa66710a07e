"""Every adapter keeps the same promises."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pika
import psycopg
import pytest

from atlas_core import limits
from atlas_core.errors import MisconfiguredError, TooLargeError, TransientError
from atlas_core.ports import Consumer, Delivery, Message, Publisher
from atlas_core.transports.kafka import KafkaConsumer, KafkaPublisher, dead_letters_of
from atlas_core.transports.memory import MemoryLog, MemoryQueue
from atlas_core.transports.postgres import (
    PostgresConsumer,
    PostgresJobConsumer,
    PostgresJobPublisher,
    PostgresPublisher,
)
from atlas_core.transports.rabbitmq import RabbitConsumer, RabbitPublisher

LIVE = pytest.mark.live
PATIENCE_S = 40


@dataclass
class Channel:
    """One adapter's channel: how to write, how to read, what died."""

    publisher: Callable[[], Publisher]
    consumer: Callable[[str], Consumer]
    dead_letters: Callable[[], list[tuple[bytes, str]]]


def _log(request: pytest.FixtureRequest, adapter: str) -> Channel:
    """Return an event log of two partitions."""
    name = f"t{uuid.uuid4().hex[:12]}"
    if adapter == "memory":
        memory = MemoryLog(2)
        return Channel(memory.publisher, memory.consumer, lambda: [(d.body, d.reason) for d in memory.dead_letters])
    if adapter == "postgres":
        url = request.getfixturevalue("database_url")
        return Channel(
            lambda: PostgresPublisher(url, name, 2),
            lambda group: PostgresConsumer(url, name, 2, group),
            lambda: _dead(url),
        )
    brokers = request.getfixturevalue("kafka_server").bootstrap_servers

    def kafka_dead() -> list[tuple[bytes, str]]:
        reader = KafkaConsumer(brokers, dead_letters_of(name), 1, uuid.uuid4().hex)
        found = [(delivery.body, "") for delivery in take(reader, 1)]
        reader.close()
        return found

    return Channel(
        lambda: KafkaPublisher(brokers, name, 2), lambda group: KafkaConsumer(brokers, name, 2, group), kafka_dead
    )


def _queue(request: pytest.FixtureRequest, adapter: str) -> Channel:
    """Return a job queue."""
    name = f"q{uuid.uuid4().hex[:12]}"
    if adapter == "memory":
        memory = MemoryQueue()
        return Channel(
            memory.publisher, lambda _: memory.consumer(), lambda: [(d.body, d.reason) for d in memory.dead_letters]
        )
    if adapter == "postgres":
        url = request.getfixturevalue("database_url")
        return Channel(
            lambda: PostgresJobPublisher(url, name), lambda _: PostgresJobConsumer(url, name), lambda: _dead(url)
        )
    server = request.getfixturevalue("rabbit_server")
    where = (server.host, server.port, server.user, server.password)

    def rabbit_dead() -> list[tuple[bytes, str]]:
        connection = pika.BlockingConnection(pika.ConnectionParameters(server.host, server.port))
        _, properties, body = connection.channel().basic_get(f"{name}.dead-letters", auto_ack=True)
        connection.close()
        return [(body, properties.headers["reason"])] if properties else []

    return Channel(lambda: RabbitPublisher(*where, name), lambda _: RabbitConsumer(*where, name), rabbit_dead)


LOGS = ["memory", pytest.param("postgres", marks=LIVE), pytest.param("kafka", marks=LIVE)]
QUEUES = ["memory", pytest.param("postgres", marks=LIVE), pytest.param("rabbitmq", marks=LIVE)]
CHANNELS = [
    (_log, "memory"),
    (_queue, "memory"),
    *(pytest.param((_log, name), marks=LIVE) for name in ("postgres", "kafka")),
    *(pytest.param((_queue, name), marks=LIVE) for name in ("postgres", "rabbitmq")),
]


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> Channel:
    return _log(request, request.param)


@pytest.fixture(params=QUEUES)
def queue(request: pytest.FixtureRequest) -> Channel:
    return _queue(request, request.param)


@pytest.fixture(params=CHANNELS, ids=lambda param: f"{param[1]}{param[0].__name__}")
def channel(request: pytest.FixtureRequest) -> Channel:
    make, adapter = request.param
    made: Channel = make(request, adapter)
    return made


@pytest.fixture
def opened() -> Iterator[list[Publisher | Consumer]]:
    """What a test opens is closed at its end."""
    kept: list[Publisher | Consumer] = []
    yield kept
    for thing in kept:
        thing.close()


def _dead(url: str) -> list[tuple[bytes, str]]:
    with psycopg.connect(url) as connection:
        return [(row[0], row[1]) for row in connection.execute("SELECT body, reason FROM bus.dead_letters").fetchall()]


def take(consumer: Consumer, count: int, *, within_s: float = PATIENCE_S) -> list[Delivery]:
    """Return at least `count` deliveries, or fail."""
    found: list[Delivery] = []
    deadline = time.monotonic() + within_s
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} deliveries came"
        try:
            found += consumer.poll(100, 0.5)
        except TransientError:
            time.sleep(0.2)
    return found


def publish(publisher: Publisher, *bodies: str, key: str = "k", within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            publisher.publish([Message(key.encode(), body.encode()) for body in bodies])
        except TransientError:
            assert time.monotonic() < deadline
            time.sleep(0.3)
        else:
            return


def bodies(deliveries: list[Delivery]) -> list[str]:
    return [delivery.body.decode() for delivery in deliveries]


def test_messages_of_one_key_keep_their_order(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, *[str(n) for n in range(50)])
    seen: list[str] = []
    while len(seen) < 50:
        deliveries = take(consumer, 1)
        seen += bodies(deliveries)
        consumer.ack(deliveries)
    assert seen == [str(n) for n in range(50)]


def test_what_is_settled_does_not_come_again_and_what_is_not_does(log: Channel, opened):
    publisher, first = log.publisher(), log.consumer("g")
    opened += [publisher]
    publish(publisher, "a", "b", "c")
    deliveries = take(first, 3)
    first.ack(deliveries[:1])
    first.close()
    second = log.consumer("g")
    opened += [second]
    assert bodies(take(second, 2)) == ["b", "c"]


def test_jobs_that_a_consumer_held_come_to_the_next(queue: Channel, opened):
    publisher, first = queue.publisher(), queue.consumer("g")
    opened += [publisher]
    publish(publisher, "a", "b", "c")
    first.ack(take(first, 3)[:1])
    first.close()
    second = queue.consumer("g")
    opened += [second]
    assert sorted(bodies(take(second, 2))) == ["b", "c"]


@pytest.mark.slow
def test_a_retry_comes_later_with_a_higher_attempt(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, "a")
    (delivery,) = take(consumer, 1)
    assert delivery.attempt == 1
    started = time.monotonic()
    consumer.retry([delivery], 1.0)
    (again,) = take(consumer, 1)
    assert time.monotonic() - started > 0.8
    assert (again.body, again.key, again.attempt) == (b"a", b"k", 2)
    consumer.ack([again])


def test_a_retry_loses_nothing_that_came_after_it(log: Channel, opened):
    publisher, consumer = log.publisher(), log.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, "a", "b", "c")
    deliveries = take(consumer, 3)
    consumer.retry(deliveries[:1], 0.1)
    consumer.ack(deliveries[1:])
    again = take(consumer, 1)
    assert again[0].body == b"a"
    consumer.ack(again)
    consumer.close()
    second = log.consumer("g")
    opened += [second]
    publish(publisher, "d")
    seen = take(second, 1)
    while seen[-1].body != b"d":
        seen += take(second, 1)
    assert "a" not in bodies(seen)


def test_a_rejected_message_is_a_dead_letter_with_its_reason(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, "poison", "good")
    deliveries = take(consumer, 2)
    consumer.reject(deliveries[0], "not JSON \u00e9")
    consumer.ack(deliveries[1:])
    ((body, reason),) = channel.dead_letters()
    assert body == b"poison"
    assert reason in {"not JSON \u00e9", ""}


def test_a_poll_brings_no_more_than_was_asked_for(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, *[str(n) for n in range(20)])
    total = 0
    deadline = time.monotonic() + PATIENCE_S
    while total < 20 and time.monotonic() < deadline:
        batch = consumer.poll(3, 0.5)
        assert len(batch) <= 3
        consumer.ack(batch)
        total += len(batch)
    assert total == 20


def test_two_groups_get_everything_each(log: Channel, opened):
    publisher, one, two = log.publisher(), log.consumer("one"), log.consumer("two")
    opened += [publisher, one, two]
    publish(publisher, "a", "b")
    assert bodies(take(one, 2)) == bodies(take(two, 2)) == ["a", "b"]


def test_members_share_the_work_and_take_over_from_who_leaves(log: Channel, opened):
    publisher, one, two = log.publisher(), log.consumer("g"), log.consumer("g")
    opened += [publisher, two]
    for key in range(40):
        publish(publisher, f"{key}", key=f"k{key}")
    seen: list[str] = []
    both = {"one": 0, "two": 0}
    deadline = time.monotonic() + PATIENCE_S
    while (len(set(seen)) < 40 or not all(both.values())) and time.monotonic() < deadline:
        for name, member in (("one", one), ("two", two)):
            batch = member.poll(2, 0.3)
            member.ack(batch)
            both[name] += len(batch)
            seen += bodies(batch)
        if len(set(seen)) >= 40 and not all(both.values()):
            publish(publisher, *["more"], key=uuid.uuid4().hex)
    assert all(both.values())
    one.close()
    for key in range(20):
        publish(publisher, f"late {key}", key=f"k{key}")
    late: set[str] = set()
    while len({body for body in late if body.startswith("late")}) < 20:
        late |= set(bodies(take(two, 1)))


def test_the_lag_is_what_is_not_settled(log: Channel, opened):
    publisher, consumer = log.publisher(), log.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, "a", "b", "c")
    deliveries = take(consumer, 3)
    consumer.ack(deliveries[:2])
    assert consumer.lag() == 1
    consumer.ack(deliveries[2:])
    assert consumer.lag() == 0


def test_any_thread_may_ask_for_the_lag_and_ask_a_consumer_that_is_closed(log: Channel, opened):
    publisher, consumer = log.publisher(), log.consumer("g")
    opened += [publisher, consumer]
    publish(publisher, "a", "b", "c")
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(consumer.lag) for _ in range(4)]
        consumer.ack(take(consumer, 1)[:1])
        assert {answer.result() for answer in asked} <= {2, 3}
        consumer.close()
        assert list(threads.map(lambda _: consumer.lag(), range(4))) == [2] * 4
    later = log.consumer("g")
    opened.append(later)
    assert set(bodies(take(later, 2))) <= {"a", "b", "c"}


def test_a_message_past_the_limit_is_refused_and_none_is_written(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    with pytest.raises(TooLargeError):
        publisher.publish([Message(b"k", b"small"), Message(b"k", b"x" * (limits.MESSAGE_BYTES + 1))])
    publish(publisher, "next")
    assert bodies(take(consumer, 1)) == ["next"]


def test_a_large_message_within_the_limit_passes(channel: Channel, opened):
    publisher, consumer = channel.publisher(), channel.consumer("g")
    opened += [publisher, consumer]
    publisher.publish([Message(b"k", b"x" * (limits.MESSAGE_BYTES - 64))])
    assert len(take(consumer, 1)[0].body) == limits.MESSAGE_BYTES - 64


_CRASH = """
import sys, os
{imports}
consumer = {consumer}
while not consumer.poll(10, 1.0): pass
os._exit(1)
"""


@pytest.mark.live
def test_what_a_killed_process_held_comes_to_another(database_url: str, opened):
    publisher = PostgresPublisher(database_url, "t", 2)
    consumer = PostgresConsumer(database_url, "t", 2, "g")
    opened += [publisher, consumer]
    publish(publisher, "a")
    program = _CRASH.format(
        imports="from atlas_core.transports.postgres import PostgresConsumer",
        consumer=f"PostgresConsumer({database_url!r}, 't', 2, 'g')",
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    assert bodies(take(consumer, 1)) == ["a"]


@pytest.mark.live
@pytest.mark.slow
def test_kafka_keeps_what_it_confirmed_through_a_kill_and_clients_come_back(tmp_path_factory, kafka_server):
    server = type(kafka_server)(tmp_path_factory.mktemp("killed-kafka"))
    server.start()
    try:
        publisher = KafkaPublisher(server.bootstrap_servers, "t", 2)
        consumer = KafkaConsumer(server.bootstrap_servers, "t", 2, "g")
        publish(publisher, "a", "b")
        consumer.ack(take(consumer, 2))
        publish(publisher, "c")
        server.kill()
        with pytest.raises(TransientError):
            publisher.publish([Message(b"k", b"lost?")])
        with pytest.raises(TransientError):
            consumer.lag()
        server.start()
        publish(publisher, "d")
        found = take(consumer, 2)
        while "d" not in bodies(found):
            found += take(consumer, 1)
        assert consumer.lag() >= len(found)
        seen = bodies(found)
        assert {"c", "d"} <= set(seen)
        publisher.close()
        consumer.close()
    finally:
        server.stop()


@pytest.mark.live
@pytest.mark.slow
def test_rabbitmq_keeps_what_it_confirmed_through_a_kill_and_clients_come_back(tmp_path_factory, rabbit_server):
    server = type(rabbit_server)(tmp_path_factory.mktemp("killed-rabbit"))
    server.start()
    try:
        where = (server.host, server.port, server.user, server.password)
        publisher, consumer = RabbitPublisher(*where, "q"), RabbitConsumer(*where, "q")
        publish(publisher, "a")
        consumer.ack(take(consumer, 1))
        server.stop()  # RabbitMQ 3.10 keeps a new queue's name in memory for minutes, or until it is stopped
        server.start()
        publish(publisher, "b")
        server.kill()
        with pytest.raises(TransientError):
            publisher.publish([Message(b"k", b"lost?")])
        server.start()
        publish(publisher, "c")
        seen = bodies(take(consumer, 2))
        while "c" not in seen:
            seen += bodies(take(consumer, 1))
        assert {"b", "c"} <= set(seen)
        publisher.close()
        consumer.close()
    finally:
        server.stop()


@pytest.mark.live
@pytest.mark.slow
def test_a_queue_that_rabbitmq_lost_the_leader_of_is_made_again(tmp_path_factory, rabbit_server):
    server = type(rabbit_server)(tmp_path_factory.mktemp("leaderless-rabbit"))
    server.start()
    try:
        where = (server.host, server.port, server.user, server.password)
        publisher, consumer = RabbitPublisher(*where, "q"), RabbitConsumer(*where, "q")
        publish(publisher, "a")
        server.kill()
        server.start()
        publish(publisher, "b", within_s=150)
        assert "b" in bodies(take(consumer, 1))
        publisher.close()
        consumer.close()
    finally:
        server.stop()


@pytest.mark.live
def test_a_queue_with_other_arguments_is_a_clear_error(rabbit_server):
    connection = pika.BlockingConnection(pika.ConnectionParameters(rabbit_server.host, rabbit_server.port))
    connection.channel().queue_declare("classic", durable=True)
    connection.close()
    where = (rabbit_server.host, rabbit_server.port, rabbit_server.user, rabbit_server.password)
    publisher, consumer = RabbitPublisher(*where, "classic"), RabbitConsumer(*where, "classic")
    with pytest.raises(MisconfiguredError, match="delete_queue classic"):
        publisher.publish([Message(b"", b"x")])
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(MisconfiguredError, match="delete_queue classic"):  # noqa: PT012 - it polls in the background
        while time.monotonic() < deadline:
            consumer.poll(1, 0.5)
    consumer.close()
    publisher.close()
