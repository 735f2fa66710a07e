"""Saved views and alert rules over lists: the services' own bodies, their answers in their shapes."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from atlas_core.errors import ConflictError
from services.alerts.app import NewRule, condition_of
from services.issues.search_routes import SavedView

Json = dict[str, Any]
Answer = tuple[int, Json]


@dataclass
class FakeRules:
    """What a project keeps beside its issues; `views` know whose they are by `email`."""

    views: list[Json] = field(default_factory=list)
    rules: list[Json] = field(default_factory=list)

    def answer(  # noqa: PLR0911 - one return a route
        self, route: list[str], email: str, body: Json
    ) -> Answer | None:
        """The answer, or None when it is no route of these."""
        match route:
            case ["GET", "views"]:
                seen = [view | {"is_own": view["email"] == email} for view in self.views]
                return 200, {"views": [view for view in seen if view["is_own"] or view["shared"]]}
            case ["POST", "views"]:
                return self._keep(SavedView(**body), email)
            case ["DELETE", "views", view_id]:
                return self._delete(self.views, view_id)
            case ["GET", "rules"]:
                return 200, {"rules": self.rules}
            case ["POST", "rules"]:
                return self._rule(NewRule(**body))
            case ["DELETE", "rules", rule_id]:
                return self._delete(self.rules, rule_id)
        return None

    def _keep(self, asked: SavedView, email: str) -> Answer:
        kept = asked.view()
        if any(view["email"] == email and view["name"] == kept.name for view in self.views):
            raise ConflictError(f"you have a view named {kept.name} already")
        view = {"id": str(uuid4()), "name": kept.name, "query": kept.query, "sort": kept.sort, "shared": kept.shared}
        self.views.append(view | {"email": email})
        return 201, {"view": view | {"is_own": True}}

    def _rule(self, asked: NewRule) -> Answer:
        condition_of(asked)
        rule = {"id": str(uuid4()), "name": asked.name, "condition": asked.condition, "threshold": asked.threshold}
        self.rules.insert(0, rule)
        return 201, {"rule": rule}

    def _delete(self, kept: list[Json], row_id: str) -> Answer:
        if not any(row["id"] == row_id for row in kept):
            return 404, {"error": "no such thing"}
        kept[:] = [row for row in kept if row["id"] != row_id]
        return 200, {"status": "deleted"}
