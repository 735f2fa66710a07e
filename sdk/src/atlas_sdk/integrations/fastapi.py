"""FastAPI and Starlette: one call adds the ASGI middleware inside the framework's own error page."""

from typing import Any

from atlas_sdk.client import Client
from atlas_sdk.integrations.asgi import AtlasMiddleware


def install(client: Client, app: Any) -> None:
    """Report every exception that `app` (FastAPI or Starlette) answers with its own 500."""
    app.add_middleware(AtlasMiddleware, client=client)
