"""HTTP to Ollama: what its client has no name for goes out, no more than an answer comes in."""

import json
from collections.abc import AsyncIterator
from typing import Final

import httpx

from atlas_core import limits
from atlas_core.errors import RejectedError

# Ollama would cut a question that is too long, and push it out of the context while it answers, both in silence.
_NEVER: Final = {"truncate": False, "shift": False}


class OllamaTransport(httpx.AsyncBaseTransport):
    """Sends requests one by one; an answer past `limits.MODEL_ANSWER_BYTES` is cut off and refused."""

    def __init__(self) -> None:
        self._http = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, its body unread.

        Raises:
            RejectedError: It is packed, which nobody asked for; or, while it is read, it is too large.
        """
        if request.url.path.endswith("/api/chat"):
            request = _with(request, _NEVER)
        request.headers["Accept-Encoding"] = "identity"
        response = await self._http.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        bounded = httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream),
            extensions=response.extensions,
        )
        if bounded.headers.get("Content-Encoding", "identity") != "identity":
            await bounded.aclose()
            raise RejectedError("Ollama's answer is packed")
        return bounded

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size_bytes = 0
        async for chunk in self._stream:
            size_bytes += len(chunk)
            if size_bytes > limits.MODEL_ANSWER_BYTES:
                raise RejectedError(f"the model's answer is larger than {limits.MODEL_ANSWER_BYTES:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _with(request: httpx.Request, fields: dict[str, bool]) -> httpx.Request:
    content = json.dumps({**json.loads(request.content), **fields}, ensure_ascii=False).encode()
    headers = httpx.Headers(request.headers)
    headers["Content-Length"] = str(len(content))
    return httpx.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)
