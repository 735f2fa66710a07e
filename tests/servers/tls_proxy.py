"""What stands before Atlas when it leaves a machine: it speaks TLS outside and passes the bytes on inside."""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import trustme


@contextmanager
def tls_proxy(port: int) -> Iterator[tuple[str, ssl.SSLContext]]:
    """Pass on to a port of loopback; the https address of the proxy, and a client's trust in it."""
    authority, certified = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(certified)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            with (
                suppress(OSError),  # a client that went away, or that does not trust us
                certified.wrap_socket(self.request, server_side=True) as outside,
                socket.create_connection(("127.0.0.1", port)) as inside,
            ):
                _pass_on(outside, inside)

    with ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}", trust
        finally:
            server.shutdown()
            thread.join()


def _pass_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([outside, inside], [], [])
        if inside in ready:
            data = inside.recv(65_536)
            if not data:
                return
            outside.sendall(data)
        if outside in ready:
            data = outside.recv(65_536)
            if not data:
                return
            inside.sendall(data + outside.recv(outside.pending()) if outside.pending() else data)
