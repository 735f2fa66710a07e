"""The job queue on RabbitMQ: a quorum queue, confirmed publishing, one connection a thread."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from atlas_core import limits
from atlas_core.errors import MisconfiguredError, TooLargeError, TransientError
from atlas_core.ports import Delivery, Message

log = logging.getLogger(__name__)

DELIVERY_LIMIT: Final = 20
CALL_S: Final = 10.0
RECONNECT_S: Final = 1.0
LEADERLESS_S: Final = 20.0  # an overflow is refused at once, a queue without leader after a minute
_INEQUIVALENT: Final = 406
_ATTEMPT: Final = "x-atlas-attempt"
logging.getLogger("pika").setLevel(logging.CRITICAL)  # an outage is told once, by those who wait for the server


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (UnroutableError, NackError) as error:
        raise TransientError("RabbitMQ did not take the message") from error
    except (AMQPError, OSError) as error:
        raise TransientError(f"RabbitMQ: {type(error).__name__} {error}".strip()) from error


def dead_letters_of(name: str) -> str:
    """Return the name of a queue's dead letters."""
    return f"{name}.dead-letters"


class _Server(msgspec.Struct, frozen=True):
    host: str
    port: int
    user: str
    password: str

    def connect(self) -> pika.BlockingConnection:
        return pika.BlockingConnection(
            pika.ConnectionParameters(
                self.host,
                self.port,
                credentials=pika.PlainCredentials(self.user, self.password),
                heartbeat=30,
                blocked_connection_timeout=5,
                socket_timeout=3,
                stack_timeout=5,
                connection_attempts=1,
            )
        )


def _declare(channel: BlockingChannel, name: str) -> None:
    """Declare a queue and its dead letters.

    Raises:
        MisconfiguredError: A queue of the name exists with other arguments.
    """
    dead = dead_letters_of(name)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    try:
        channel.queue_declare(dead, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_declare(name, durable=True, arguments=arguments)
    except ChannelClosedByBroker as error:
        if error.reply_code != _INEQUIVALENT:
            raise
        raise MisconfiguredError(
            f"RabbitMQ has a queue {name} with other arguments ({error.reply_text}). When it is empty delete it "
            f"(`rabbitmqctl delete_queue {name}`) and start again; Atlas makes it as a quorum queue"
        ) from error


def _publish(channel: BlockingChannel, name: str, body: bytes, headers: dict[str, Any]) -> None:
    # mandatory: without it a message that no queue takes is confirmed and gone.
    properties = pika.BasicProperties(delivery_mode=2, headers=headers, content_type="application/json")
    channel.basic_publish("", name, body, properties, mandatory=True)


class RabbitPublisher:
    """Queues jobs; returns when the broker has confirmed each.

    Args:
        host: Where RabbitMQ is.
        port: Its AMQP port.
        user: Who publishes.
        password: And the password.
        name: The queue's name; made when it is missing.
    """

    def __init__(self, host: str, port: int, user: str, password: str, name: str) -> None:
        self._server = _Server(host, port, user, password)
        self._name = name
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._lock = threading.Lock()

    def publish(self, messages: Sequence[Message]) -> None:
        """Queue all messages durably.

        Raises:
            TransientError: Some may not be queued; publishing them again may double them.
            TooLargeError: A message is past the limit; none was queued.
            MisconfiguredError: The queue exists with other arguments.
        """
        if not messages:
            return
        if any(len(message.body) > limits.MESSAGE_BYTES for message in messages):
            raise TooLargeError(f"a message is larger than {limits.MESSAGE_BYTES:,} bytes")
        with self._lock:
            started = time.monotonic()
            try:
                with _translated():
                    channel = self._open()
                    for message in messages:
                        _publish(channel, self._name, message.body, {"key": message.key.hex()})
            except TransientError as error:
                self._drop()
                if isinstance(error.__cause__, NackError) and time.monotonic() - started > LEADERLESS_S:
                    self._renew()
                raise

    def check(self) -> None:
        """Return if the server answers.

        Raises:
            TransientError: It does not.
        """
        with _translated():
            self._server.connect().close()

    def close(self) -> None:
        """Let go of the server; a second call does nothing."""
        with self._lock:
            self._drop()

    def _open(self) -> BlockingChannel:
        if self._connection is not None:
            # Nobody else reads this connection: heartbeats and closes are noticed here.
            with contextlib.suppress(AMQPError, OSError):
                self._connection.process_data_events(0)
        if self._channel is None or not self._channel.is_open:
            self._drop()
            self._connection = self._server.connect()
            self._channel = self._connection.channel()
            _declare(self._channel, self._name)
            self._channel.confirm_delivery()
        return self._channel

    def _renew(self) -> None:
        """Make the queue anew: it has lost its leader, and what it held, for good.

        RabbitMQ 3.10 forgets a quorum queue that was declared within minutes of a `kill -9`: after its restart the
        queue is there and takes nothing. Jobs are doorbells; the sweep rings again for what was lost.
        """
        log.warning("RabbitMQ's queue %s has no leader: it is deleted and made again", self._name)
        with _translated():
            self._connection = self._server.connect()
            self._connection.channel().queue_delete(self._name)
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(AMQPError, OSError):
                self._connection.close()
        self._connection = self._channel = None


class _Receipt(msgspec.Struct, frozen=True):
    tag: int
    tenure: int


class RabbitConsumer:
    """Takes jobs; a thread of its own keeps the connection alive while a job is worked on.

    Args:
        host: Where RabbitMQ is.
        port: Its AMQP port.
        user: Who consumes.
        password: And the password.
        name: The queue's name; made when it is missing.
        prefetch: How many unsettled jobs this consumer may hold.
    """

    def __init__(self, host: str, port: int, user: str, password: str, name: str, *, prefetch: int = 10) -> None:
        self._server = _Server(host, port, user, password)
        self._name = name
        self._prefetch = prefetch
        self._arrived: queue.Queue[Delivery] = queue.Queue()
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._tenure = 0
        self._problem: TransientError | MisconfiguredError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"rabbitmq {name}", daemon=True)
        self._started = False

    def poll(self, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Return up to `max_messages` jobs, waiting up to `timeout_s` for the first one.

        Raises:
            TransientError: The server does not answer.
            MisconfiguredError: The queue exists with other arguments.
        """
        if not self._started:
            self._started = True
            self._thread.start()
        found: list[Delivery] = []
        deadline = time.monotonic() + timeout_s
        while len(found) < max_messages:
            try:
                found.append(self._arrived.get(timeout=0 if found else max(0.0, deadline - time.monotonic()) or 0.001))
            except queue.Empty:
                break
        if not found and self._problem is not None:
            raise self._problem
        # Those of a connection that was lost come again by themselves.
        return [delivery for delivery in found if _receipt(delivery).tenure == self._tenure]

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Mark jobs as done.

        Raises:
            TransientError: They may come again.
        """
        tags = [_receipt(delivery) for delivery in deliveries]

        def work(channel: BlockingChannel) -> None:
            for receipt in tags:
                if receipt.tenure == self._tenure:
                    channel.basic_ack(receipt.tag)

        self._call(work)

    def retry(self, deliveries: Iterable[Delivery], delay_s: float) -> None:
        """Have jobs come again after `delay_s`, by way of a queue whose messages expire into this one.

        Raises:
            TransientError: They come again when this consumer's connection ends.
        """
        again = list(deliveries)
        delay_ms = max(1, round(delay_s * 1000))
        waiting = f"{self._name}.retry.{delay_ms}"

        def work(channel: BlockingChannel) -> None:
            arguments = {
                "x-message-ttl": delay_ms,
                "x-expires": delay_ms + 60_000,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": self._name,
            }
            channel.queue_declare(waiting, durable=True, arguments=arguments)
            for delivery in again:
                receipt = _receipt(delivery)
                if receipt.tenure == self._tenure:
                    headers = {"key": delivery.key.hex(), _ATTEMPT: delivery.attempt}
                    _publish(channel, waiting, delivery.body, headers)
                    channel.basic_ack(receipt.tag)

        self._call(work)

    def reject(self, delivery: Delivery, reason: str) -> None:
        """Move a job to the dead letters with its reason.

        Raises:
            TransientError: It could not be moved; the job is not done.
        """
        headers = {
            "key": delivery.key.hex(),
            "reason": reason.encode("utf-8", "replace").decode()[:2_000],
            "topic": self._name,
            "attempt": delivery.attempt,
            "died_at": str(time.time()),
        }

        def work(channel: BlockingChannel) -> None:
            receipt = _receipt(delivery)
            if receipt.tenure == self._tenure:
                _publish(channel, dead_letters_of(self._name), delivery.body, headers)
                channel.basic_ack(receipt.tag)

        self._call(work)

    def lag(self) -> int:
        """Return how many jobs wait in the queue; those being worked on are not among them.

        Raises:
            TransientError: The server does not answer.
        """
        with _translated(), contextlib.closing(self._server.connect()) as connection:
            declared = connection.channel().queue_declare(self._name, passive=True)
            return int(declared.method.message_count)

    def close(self) -> None:
        """Let go of the server; what is unsettled goes back to the queue. A second call does nothing."""
        self._stop.set()
        if self._started:
            self._thread.join(CALL_S)

    def _call(self, work: Callable[[BlockingChannel], None]) -> None:
        """Run `work` in the thread that owns the connection."""
        connection, done = self._connection, threading.Event()
        problems: list[TransientError] = []

        def on_its_thread() -> None:
            try:
                with _translated():
                    if self._channel is None:
                        raise TransientError("RabbitMQ: not connected")  # noqa: TRY301 - reported like any other
                    work(self._channel)
            except TransientError as error:
                problems.append(error)
            finally:
                done.set()

        if connection is None:
            raise TransientError("RabbitMQ: not connected")
        with _translated():
            connection.add_callback_threadsafe(on_its_thread)
        if not done.wait(CALL_S):
            raise TransientError("RabbitMQ does not answer")
        if problems:
            raise problems[0]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with _translated():
                    self._consume()
            except TransientError as error:
                self._problem = error
            except MisconfiguredError as error:
                self._problem = error
                return
            finally:
                self._drop()
            self._stop.wait(RECONNECT_S)

    def _consume(self) -> None:
        self._connection = self._server.connect()
        channel = self._channel = self._connection.channel()
        _declare(channel, self._name)
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=self._prefetch)
        self._tenure += 1
        channel.basic_consume(self._name, self._on_message)
        self._problem = None
        while not self._stop.is_set():
            self._connection.process_data_events(0.2)
            if not channel.is_open:
                raise TransientError("RabbitMQ closed the channel")

    def _on_message(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        headers = properties.headers or {}
        # The quorum queue counts deliveries that ended with a lost connection; our own retries are in our header.
        attempt = int(headers.get(_ATTEMPT, 0)) + int(headers.get("x-delivery-count", 0)) + 1
        key = bytes.fromhex(str(headers.get("key", "")))
        self._arrived.put(Delivery(body, key, attempt, _Receipt(method.delivery_tag, self._tenure)))

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError):
                connection.close()


def _receipt(delivery: Delivery) -> _Receipt:
    assert isinstance(delivery.receipt, _Receipt)
    return delivery.receipt
