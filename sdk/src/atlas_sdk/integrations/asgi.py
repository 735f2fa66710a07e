"""ASGI applications: FastAPI, Starlette, Quart, Django's ASGI."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from atlas_sdk.client import Client

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class AtlasMiddleware:
    """Reports what the application does not catch, and lets it go on its way.

    Args:
        app: The application.
        client: Who reports.
    """

    def __init__(self, app: App, client: Client) -> None:
        self._app = app
        self._client = client

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Run the application."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            tags = {"method": str(scope.get("method", "")), "path": str(scope.get("path", ""))[:200]}
            self._client.capture_error(error, tags=tags, handled=False)
            raise
