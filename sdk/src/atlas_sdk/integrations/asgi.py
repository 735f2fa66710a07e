"""ASGI: reports what an application lets escape, with the request it was serving."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from atlas_sdk.client import Client
from atlas_sdk.guard import attempt
from atlas_sdk.integrations.requests import request_context

AsgiScope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[AsgiScope, Receive, Send], Awaitable[None]]


class AtlasMiddleware:
    """Middleware: `AtlasMiddleware(app, client)`. Each request has its own tags, user and breadcrumbs."""

    def __init__(self, app: AsgiApp, client: Client) -> None:
        self._app = app
        self._client = client

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one connection; an exception is reported and goes on its way."""
        with self._client.scope() as own:
            if scope.get("type") in {"http", "websocket"}:
                attempt(lambda: own.set_context("request", _request(scope)), lambda: None)
            try:
                await self._app(scope, receive, send)
            except Exception as error:
                self._client.capture_error(error, mechanism="asgi", handled=False, once=True)
                raise


def _request(scope: AsgiScope) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", [])}
    host = headers.get("host") or "{}:{}".format(*(scope.get("server") or ("localhost", "")))
    address = f"{scope.get('scheme', 'http')}://{host}{scope.get('path', '')}"
    query = scope.get("query_string", b"").decode("latin-1")
    return request_context(scope.get("method", scope["type"].upper()), address, query, headers)
