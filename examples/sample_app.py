"""A FastAPI application that fails on purpose and reports it to Atlas.

ATLAS_API_KEY=atlas_... python examples/sample_app.py --port 9000
curl localhost:9000/database-timeout
"""

import argparse
import os
import random
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI, HTTPException

from atlas_sdk import Client
from atlas_sdk.integrations.asgi import AtlasMiddleware

RANDOM_ERRORS = ("payment gateway timeout", "inventory service unreachable", "invalid session state")


def make_app(client: Client) -> FastAPI:
    """Return the application; what it catches itself and what nobody catches both reach Atlas."""
    app = FastAPI(title="sample app")
    app.add_middleware(AtlasMiddleware, client=client)

    @app.get("/")
    def routes() -> list[str]:
        """List what can be tried."""
        return ["/random-error", "/database-timeout", "/null-reference", "/unhandled"]

    @app.get("/random-error")
    def random_error() -> None:
        """Fail with one of three messages."""
        answer_500(client, RuntimeError(random.choice(RANDOM_ERRORS)))

    @app.get("/database-timeout")
    def database_timeout() -> None:
        """Fail as a slow database does."""
        answer_500(client, TimeoutError("database query timed out after 30s"))

    @app.get("/null-reference")
    def null_reference() -> None:
        """Fail as a missing object does."""
        users: dict[str, Any] = {"nobody": None}
        try:
            users["nobody"].email.lower()
        except AttributeError as error:
            client.capture_error(error)
            raise HTTPException(500, str(error)) from error

    @app.get("/unhandled")
    def unhandled() -> float:
        """Fail without anybody catching it."""
        return 1 / 0

    return app


def answer_500(client: Client, error: Exception) -> NoReturn:
    """Report an error and answer 500."""
    try:
        raise error  # noqa: TRY301 - raised here so that it has a traceback
    except Exception as caught:
        client.capture_error(caught)
        raise HTTPException(500, str(caught)) from caught


def main() -> None:
    """Serve the application on loopback."""
    arguments = argparse.ArgumentParser(description="A sample application that reports its errors to Atlas.")
    arguments.add_argument("--port", type=int, default=9000)
    port = arguments.parse_args().port
    key = os.environ.get("ATLAS_API_KEY")
    if not key:
        raise SystemExit("set ATLAS_API_KEY to a project's key (`atlas up` prints one)")
    client = Client(key, os.environ.get("ATLAS_BASE_URL", "http://localhost:8081"), release="sample@1.0")
    uvicorn.run(make_app(client), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
