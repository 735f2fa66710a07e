"""Kafka, RabbitMQ and Ollama as processes of the tests: on loopback, on free ports, in directories of their own."""

import base64
import contextlib
import ctypes
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path

import pika
from confluent_kafka.admin import AdminClient

from tests.servers import versions
from tests.servers.install import KAFKA_LIBS, NODE_CLIENTS, OLLAMA, RABBITMQ, RAVEN, SENTRY_SDK_1
from tests.servers.ports import free_port
from tests.servers.tiny_model import write_tiny_model

START_S = 90.0
logging.getLogger("pika").setLevel(logging.CRITICAL)  # a probe that finds nobody yet is no error


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class Server:
    """A server process with a directory; what it keeps there survives `kill` and `start`."""

    name = "server"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log_path = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise AssertionError("a server says how it is started")

    def environment(self) -> Mapping[str, str]:
        return {}

    def answers(self) -> bool:
        raise AssertionError("a server says when it answers")

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                env={**os.environ, **self.environment()},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - it only calls prctl
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"{self.name} did not start:\n{self._log_path.read_text(errors='replace')[-3000:]}"
                )
            time.sleep(0.2)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        # What the leader left of its group (RabbitMQ's runtime has helpers of its own).
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None


class KafkaServer(Server):
    name = "Kafka"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port, controller = free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{self._port}"
        self._properties = folder / "server.properties"
        listeners = f"PLAINTEXT://127.0.0.1:{self._port},CONTROLLER://127.0.0.1:{controller}"
        lines = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(folder / "data"),
            "num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        if not (folder / "data").exists():
            # Its first letter is never "-": the tool would take it for an option.
            identity = base64.urlsafe_b64encode(b"A" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
            tool = [*self._java(), "kafka.tools.StorageTool", "format", "--standalone", "-t", identity]
            subprocess.run([*tool, "-c", str(self._properties)], check=True, capture_output=True)

    def command(self) -> list[str]:
        return [*self._java("-Xms128m", "-Xmx512m"), "kafka.Kafka", str(self._properties)]

    def answers(self) -> bool:
        with contextlib.closing(socket.socket()) as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self._port)):
                return False
        # A logger of no interest, or librdkafka writes to stderr.
        quiet = logging.getLogger("tests.kafka.probe")
        quiet.setLevel(logging.CRITICAL)
        try:
            AdminClient({"bootstrap.servers": self.bootstrap_servers}, logger=quiet).list_topics(timeout=3)
        except Exception:  # noqa: BLE001 - any error means not yet
            return False
        return True

    def _java(self, *options: str) -> list[str]:
        return ["java", *options, "-cp", f"{KAFKA_LIBS}/*"]


class RabbitServer(Server):
    name = "RabbitMQ"
    host, user, password = "127.0.0.1", "guest", "guest"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self._dist_port, self._epmd_port = free_port(), free_port(), free_port()
        (folder / "plugins").write_text("[].")
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")

    def command(self) -> list[str]:
        return [str(RABBITMQ)]

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"atlas{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
        }

    def answers(self) -> bool:
        try:
            pika.BlockingConnection(pika.ConnectionParameters(self.host, self.port, socket_timeout=3)).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True


class OllamaServer(Server):
    name = "Ollama"
    model = versions.MODEL

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def command(self) -> list[str]:
        return [str(OLLAMA), "serve"]

    def environment(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),
            "OLLAMA_HOST": f"127.0.0.1:{self._port}",
            "OLLAMA_MODELS": str(self.folder / "models"),
            "OLLAMA_NUM_PARALLEL": "1",
        }

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/version", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def make_model(self) -> None:
        """Make the tiny model: it talks nonsense, through the real engine.

        One thread: on a busy machine two of them spin while they wait for each other, a hundred times as long.
        """
        write_tiny_model(self.folder / "tiny.gguf")
        lines = ["FROM ./tiny.gguf", 'TEMPLATE """{{ .System }} {{ .Prompt }}"""', "PARAMETER num_thread 1", ""]
        (self.folder / "Modelfile").write_text("\n".join(lines))
        create = [str(OLLAMA), "create", self.model, "-f", "Modelfile"]
        environment = {**os.environ, **self.environment()}
        subprocess.run(create, cwd=self.folder, env=environment, check=True, capture_output=True)


def why_missing(name: str) -> str | None:
    """Return why a server cannot be had on this machine, or None when it can."""
    if name == "kafka" and (not any(KAFKA_LIBS.glob("kafka_*.jar")) or shutil.which("java") is None):
        return "Kafka is not installed: python -m tests.servers.install kafka"
    if name == "rabbitmq" and not RABBITMQ.exists():
        return "RabbitMQ is not installed: python -m tests.servers.install rabbitmq"
    if name == "ollama" and not OLLAMA.exists():
        return "Ollama is not built: python -m tests.servers.install ollama"
    if name == "chromium" and not Path("/usr/bin/chromium").exists():
        return "Chromium is not installed: python -m tests.servers.install chromium"
    if name == "clients" and (
        not all(map(Path.exists, (SENTRY_SDK_1, RAVEN, NODE_CLIENTS))) or not shutil.which("node")
    ):
        return "the clients are not installed: python -m tests.servers.install clients"
    return None
