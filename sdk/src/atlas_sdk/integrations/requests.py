"""What is told about the request that an error happened in."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

_HEADERS: Final = {"host", "user-agent", "content-type", "content-length", "accept", "referer", "x-request-id"}


def request_context(method: str, address: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return method, address without query, the query by name (for scrubbing) and the headers that explain errors.

    A body, cookies and every header that is not in the short list stay where they are.
    """
    kept = {name.lower(): value for name, value in headers.items() if name.lower() in _HEADERS}
    asked = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    return {"method": method, "url": address, "query": asked, "headers": kept}
