"""What the host says about its present work: tags, a user, contexts and the last breadcrumbs."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from atlas_sdk.text import cut, plain_mapping, text_of, time_text

BREADCRUMBS: Final = 100
_TAG_NAME_CHARACTERS: Final = 200
_TAG_CHARACTERS: Final = 1_000
_TAGS: Final = 200


def tags_of(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Return `tags` as texts of the lengths that Atlas keeps."""
    pairs = list((tags or {}).items())[:_TAGS]
    return {cut(text_of(name), _TAG_NAME_CHARACTERS): cut(text_of(value), _TAG_CHARACTERS) for name, value in pairs}


class Scope:
    """A set of facts that joins every event captured under it. A request has its own: see `Client.isolated`."""

    __slots__ = ("breadcrumbs", "contexts", "tags", "user")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.tags: dict[str, str] = dict(parent.tags) if parent else {}
        self.user: dict[str, Any] = parent.user if parent else {}
        self.contexts: dict[str, dict[str, Any]] = dict(parent.contexts) if parent else {}
        self.breadcrumbs: deque[dict[str, Any]] = deque(parent.breadcrumbs if parent else (), maxlen=BREADCRUMBS)

    def set_tag(self, name: str, value: object) -> None:
        """Name one fact; a second call with the same name replaces it."""
        if len(self.tags) < _TAGS or name in self.tags:
            self.tags.update(tags_of({name: value}))

    def set_user(self, user: Mapping[str, Any] | None) -> None:
        """Say whose work it is; None forgets it."""
        self.user = plain_mapping(user)

    def set_context(self, name: str, values: Mapping[str, Any]) -> None:
        """Attach a named group of facts; a second call with the same name replaces it."""
        self.contexts[name] = plain_mapping(values)

    def add_breadcrumb(self, message: str, category: str, level: str, data: Mapping[str, Any] | None) -> None:
        """Remember a step; only the last `BREADCRUMBS` are kept."""
        step = {
            "timestamp": time_text(datetime.now(UTC)),
            "category": text_of(category),
            "message": text_of(message),
            "level": level,
            "data": plain_mapping(data),
        }
        self.breadcrumbs.append(step)
