"""What the host says about its present work: tags, a user, contexts, other facts and the last breadcrumbs."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from atlas_sdk.guard import attempt
from atlas_sdk.levels import level_of
from atlas_sdk.text import plain, plain_mapping, text_of, time_text

BREADCRUMBS: Final = 100
_NAMES: Final = 200


def tags_of(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Return `tags` as texts, at most as many as Atlas keeps."""
    return {text_of(name): text_of(value) for name, value in list((tags or {}).items())[:_NAMES]}


class Scope:
    """A set of facts that joins every event captured under it. A request has its own: see `Client.scope`.

    No method raises: what cannot be taken is left out.
    """

    __slots__ = ("breadcrumbs", "contexts", "extra", "tags", "user")

    def __init__(self, parent: "Scope | None" = None) -> None:
        self.tags: dict[str, str] = dict(parent.tags) if parent else {}
        self.user: dict[str, Any] = parent.user if parent else {}
        self.contexts: dict[str, dict[str, Any]] = dict(parent.contexts) if parent else {}
        self.extra: dict[str, Any] = dict(parent.extra) if parent else {}
        self.breadcrumbs: deque[dict[str, Any]] = deque(parent.breadcrumbs if parent else (), maxlen=BREADCRUMBS)

    def joined(
        self,
        tags: Mapping[str, object] | None,
        user: Mapping[str, Any] | None,
        contexts: Mapping[str, Mapping[str, Any]] | None,
        extra: Mapping[str, Any] | None,
    ) -> "Scope":
        """Return a copy with the facts of one event; they win over those that are here."""
        joined = Scope(self)
        joined.tags.update(attempt(lambda: tags_of(tags), dict))
        joined.user = self.user if user is None else plain_mapping(user)
        joined.contexts.update(plain_mapping(contexts))
        joined.extra.update(plain_mapping(extra))
        return joined

    def set_tag(self, name: str, value: object) -> None:
        """Name one short fact to search by; a second call with the same name replaces it."""
        _put(self.tags, name, lambda: text_of(value))

    def set_user(self, user: Mapping[str, Any] | None) -> None:
        """Say whose work it is; None forgets it."""
        self.user = plain_mapping(user)

    def set_context(self, name: str, values: Mapping[str, Any]) -> None:
        """Attach a named group of facts; a second call with the same name replaces it."""
        _put(self.contexts, name, lambda: plain_mapping(values))

    def set_extra(self, name: str, value: object) -> None:
        """Attach one fact of any shape; a second call with the same name replaces it."""
        _put(self.extra, name, lambda: plain(value))

    def add_breadcrumb(
        self, message: str, *, category: str = "default", level: str = "info", data: Mapping[str, Any] | None = None
    ) -> None:
        """Remember a step that led here; only the last `BREADCRUMBS` are kept."""
        step = {
            "timestamp": time_text(datetime.now(UTC)),
            "category": text_of(category),
            "message": text_of(message),
            "level": level_of(level),
            "data": plain_mapping(data),
        }
        self.breadcrumbs.append(step)


def _put(facts: dict[str, Any], name: str, make: Callable[[], Any]) -> None:
    def put() -> None:
        key = text_of(name)
        if len(facts) < _NAMES or key in facts:
            facts[key] = make()

    attempt(put, lambda: None)
