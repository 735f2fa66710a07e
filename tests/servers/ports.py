"""Ports of loopback for servers of the tests and benchmarks."""

import random
import socket
from typing import Final

# Below those that the system gives to outgoing connections: a client that tries again and again while its server is
# being started would otherwise be given the server's own port sooner or later.
_PORTS: Final = range(12_000, 30_000)
_TRIES: Final = 100


def free_port() -> int:
    """Return a TCP port of loopback that nobody uses now, and that no outgoing connection will be given.

    Raises:
        OSError: None of many that were tried is free.
    """
    for _ in range(_TRIES):
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"none of {_TRIES} ports that were tried is free")
