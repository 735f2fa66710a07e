"""Takes out of texts what stands behind a telling name: `{"password": "..."}`, `X-API-Key: ...`."""

import re
from collections.abc import Iterator

from atlas_core.scrubbing.names import FILTERED, is_secret
from atlas_core.scrubbing.patterns import ALONE_AFTER, HEADER, QUOTED_NAME, QUOTED_VALUE


def scrub_members(text: str) -> str:
    """Return `text` with the values of telling names replaced by `FILTERED`; takes time linear in the text."""
    return HEADER.sub(_without_header, "".join(_without_values(text)))


def _without_values(text: str) -> Iterator[str]:
    """Yield the pieces of the text: what is kept, and `FILTERED` for what is not."""
    kept_to = 0
    for name in QUOTED_NAME.finditer(text):
        # A name inside a value that is gone already is no name.
        value = QUOTED_VALUE.match(text, name.end()) if name.start() >= kept_to and is_secret(name["name"]) else None
        if value is None:
            continue
        group = next((group for group in ("value", "inner", "number") if value[group]), None)
        if group is not None:
            yield text[kept_to : value.start(group)]
            yield FILTERED
            kept_to = value.end(group)
    yield text[kept_to:]


def _without_header(found: re.Match[str]) -> str:
    name, start, text = found["name"], found.start("value"), found.string
    # Cookies and credentials have patterns of their own, which know how far they reach.
    own_pattern = name.lower().endswith(("cookie", "authorization"))
    if own_pattern or not is_secret(name) or text.startswith(FILTERED, start):
        return found[0]
    before = text[max(0, found.start() - 9) : found.start()].rstrip(" \t")
    alone = found["ends"] is not None and (not before or before.endswith(ALONE_AFTER))
    return text[found.start() : start] + FILTERED + (found["ends"] or "") if alone or "-" in name else found[0]
