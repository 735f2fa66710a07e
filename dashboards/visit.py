"""What a kernel knows of the visitor that it works for."""

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from traitlets.config import Application

TOKEN_VARIABLE: Final = "ATLAS_VISITOR_TOKEN"  # noqa: S105 - the variable's name
_REQUEST_VARIABLES: Final = ("QUERY_STRING", "VOILA_REQUEST_URL", "HTTP_COOKIE")


@dataclass(frozen=True)
class Visit:
    """The visitor's token (never printed) and the query of the address."""

    token: str = field(repr=False)
    query: dict[str, str]


def take_visit(environ: MutableMapping[str, str]) -> Visit:
    """Return the visit described by `environ` and remove it from there; a second call finds nothing.

    Removed, because whatever the kernel starts would inherit it. Does without `voila.utils`, whose import costs
    a kernel 45 MB.
    """
    token = environ.pop(TOKEN_VARIABLE, "")
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    for name in _REQUEST_VARIABLES:
        environ.pop(name, None)
    return Visit(token=token, query=query)


def log_to_server() -> None:
    """Send what the dashboards log to the server's log; a kernel's standard error would end in the page."""
    if Application.initialized():
        log = logging.getLogger("dashboards")
        log.handlers = list(Application.instance().log.handlers)
        log.propagate = False
