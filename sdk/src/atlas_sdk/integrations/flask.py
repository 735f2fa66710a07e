"""Flask: it answers 500 by itself, so a WSGI middleware alone would see nothing; its signal tells."""

from typing import Any

from atlas_sdk.client import Client
from atlas_sdk.integrations.wsgi import AtlasWsgiMiddleware


def install(client: Client, app: Any) -> None:
    """Report every exception that `app` (Flask) answers with 500, with the request it happened in."""
    from flask import got_request_exception  # noqa: PLC0415 - the SDK needs no framework before one is used

    def report(_sender: Any, exception: BaseException, **_more: Any) -> None:
        client.capture_error(exception, mechanism="flask", handled=False, once=True)

    got_request_exception.connect(report, app, weak=False)
    app.wsgi_app = AtlasWsgiMiddleware(app.wsgi_app, client)
