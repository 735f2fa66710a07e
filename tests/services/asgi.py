"""Calls an ASGI app in this process, without a server."""

import asyncio
from typing import Any

import httpx


def call(app: Any, method: str, path: str, **request: Any) -> httpx.Response:
    """Return the app's answer to one request."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://atlas") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())
