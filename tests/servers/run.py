"""`python -m tests.servers.run kafka rabbitmq ollama`: starts servers, prints what to export, stays until Ctrl-C."""

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

from tests.servers.processes import KafkaServer, OllamaServer, RabbitServer


def main(names: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="atlas-servers-") as directory, contextlib.ExitStack() as stack:
        for name in names or ["kafka", "rabbitmq", "ollama"]:
            server = {"kafka": KafkaServer, "rabbitmq": RabbitServer, "ollama": OllamaServer}[name](
                Path(directory) / name
            )
            server.start()
            stack.callback(server.stop)
            if isinstance(server, KafkaServer):
                sys.stdout.write(f"export ATLAS_KAFKA_BROKERS={server.bootstrap_servers}\n")
            elif isinstance(server, RabbitServer):
                sys.stdout.write(f"export ATLAS_RABBIT_HOST={server.host} ATLAS_RABBIT_PORT={server.port}\n")
            elif isinstance(server, OllamaServer):
                server.make_model()
                sys.stdout.write(f"export ATLAS_OLLAMA_URL={server.url} ATLAS_OLLAMA_MODEL={server.model}\n")
            sys.stdout.flush()
        sys.stdout.write("# Ctrl-C stops them\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.sigwait([signal.SIGINT, signal.SIGTERM])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
