"""WSGI: reports what an application lets escape, while it answers and while its answer is read."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

from atlas_sdk.client import Client
from atlas_sdk.guard import attempt
from atlas_sdk.integrations.requests import request_context
from atlas_sdk.scope import Scope

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Any]
WsgiApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
Result = TypeVar("Result")


class AtlasWsgiMiddleware:
    """Middleware: `AtlasWsgiMiddleware(app, client)`. Each request has its own tags, user and breadcrumbs."""

    def __init__(self, app: WsgiApp, client: Client) -> None:
        self._app = app
        self._client = client

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; an exception is reported and goes on its way."""
        with self._client.scope() as scope:
            attempt(lambda: scope.set_context("request", request_of(environ)), lambda: None)
            answer = _reporting(self._client, lambda: self._app(environ, start_response))
        wrapper = environ.get("wsgi.file_wrapper")
        # A finished list runs no code any more, and a server sends a file wrapper faster than an iterator.
        if isinstance(answer, list | tuple) or (isinstance(wrapper, type) and isinstance(answer, wrapper)):
            return answer
        return _Watched(answer, self._client, scope)


class _Watched:
    """An answer whose iteration is watched, in the scope of its request."""

    def __init__(self, answer: Iterable[bytes], client: Client, scope: Scope) -> None:
        self._answer = answer
        self._client = client
        self._scope = scope
        self._parts: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._client.scope(self._scope):
            return _reporting(self._client, self._next)

    def close(self) -> None:
        """Close the answer, as the server asks."""
        close = getattr(self._answer, "close", None)
        if close is not None:
            with self._client.scope(self._scope):
                _reporting(self._client, close)

    def _next(self) -> bytes:
        if self._parts is None:
            self._parts = iter(self._answer)
        return next(self._parts)


def request_of(environ: Environ) -> dict[str, Any]:
    """Return what is told about the request of a WSGI environment."""
    headers = {name[5:].replace("_", "-"): str(value) for name, value in environ.items() if name.startswith("HTTP_")}
    headers |= {
        name.replace("_", "-"): str(environ[name]) for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)
    }
    host = environ.get("HTTP_HOST") or f"{environ.get('SERVER_NAME', '')}:{environ.get('SERVER_PORT', '')}"
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    address = f"{environ.get('wsgi.url_scheme', 'http')}://{host}{path}"
    return request_context(
        str(environ.get("REQUEST_METHOD", "")), address, str(environ.get("QUERY_STRING", "")), headers
    )


def _reporting(client: Client, call: Callable[[], Result]) -> Result:
    try:
        return call()
    except StopIteration:
        raise
    except Exception as error:
        client.capture_error(error, mechanism="wsgi", handled=False, once=True)
        raise
