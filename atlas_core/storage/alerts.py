"""Alert rules and the alert log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, text

from atlas_core import limits
from atlas_core.alerts import AlertRule, Firing
from atlas_core.conditions import Condition
from atlas_core.errors import ConflictError, NotFoundError
from atlas_core.storage.database import Database

Json = dict[str, Any]

_RULE: Final = "id, project_id, name, condition, threshold, is_active, created_at, updated_at"
_ALERT: Final = "id, rule_id, issue_id, project_id, message, acknowledged, fired_at"
_ADD = """
INSERT INTO alerts.alerts (rule_id, issue_id, project_id, episode, message)
SELECT * FROM unnest(CAST(:rules AS uuid[]), CAST(:issues AS uuid[]), CAST(:projects AS uuid[]),
                     CAST(:episodes AS int[]), CAST(:messages AS text[]))
ON CONFLICT (rule_id, issue_id, episode) DO NOTHING
RETURNING rule_id, issue_id, episode
"""


class PostgresAlertStore:
    """Keeps rules and alerts; an alert is unique on rule, issue and episode."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rules_of(self, project_ids: Iterable[UUID]) -> Mapping[UUID, list[AlertRule]]:
        """Return the active rules of these projects, by project."""
        query = f"SELECT {_RULE} FROM alerts.rules WHERE project_id = ANY(:projects) AND is_active"  # noqa: S608 - constants
        found: dict[UUID, list[AlertRule]] = {}
        for row in self._rows(query, projects=list(project_ids)):
            found.setdefault(row["project_id"], []).append(_rule(row))
        return found

    def add(self, firings: Sequence[Firing]) -> list[Firing]:
        """Store firings that are not stored yet; return those that were new."""
        if not firings:
            return []
        given = {(firing.rule_id, firing.issue_id, firing.episode): firing for firing in firings}
        # Sorted, so that two workers take the unique keys in one order.
        ordered = [given[key] for key in sorted(given)]
        rows = self._rows(
            _ADD,
            rules=[firing.rule_id for firing in ordered],
            issues=[firing.issue_id for firing in ordered],
            projects=[firing.project_id for firing in ordered],
            episodes=[firing.episode for firing in ordered],
            messages=[firing.message for firing in ordered],
        )
        return [given[row["rule_id"], row["issue_id"], row["episode"]] for row in rows]

    def add_rule(self, project_id: UUID, name: str, condition: Condition) -> Json:
        """Return a new rule.

        Raises:
            ConflictError: The project has as many rules as it may.
        """
        parts = msgspec.to_builtins(condition)
        values = {
            "project": project_id,
            "name": name,
            "condition": parts["condition"],
            "threshold": parts.get("threshold", 0),
            "most": limits.RULES_PER_PROJECT,
        }
        query = f"""
        INSERT INTO alerts.rules (project_id, name, condition, threshold)
        SELECT :project, :name, :condition, :threshold
        WHERE (SELECT count(*) FROM alerts.rules WHERE project_id = :project) < :most
        RETURNING {_RULE}
        """  # noqa: S608 - constants only
        rows = self._rows(query, **values)
        if not rows:
            raise ConflictError(f"a project has at most {limits.RULES_PER_PROJECT} rules")
        return dict(rows[0])

    def rules(self, project_id: UUID) -> list[Json]:
        """Return a project's rules, newest first."""
        query = f"SELECT {_RULE} FROM alerts.rules WHERE project_id = :project ORDER BY created_at DESC, id"  # noqa: S608
        return [dict(row) for row in self._rows(query, project=project_id)]

    def delete_rule(self, project_id: UUID, rule_id: UUID) -> None:
        """Delete a rule; what it has said stays in the alert log.

        Raises:
            NotFoundError: The project has no such rule.
        """
        query = "DELETE FROM alerts.rules WHERE project_id = :project AND id = :rule RETURNING id"
        if not self._rows(query, project=project_id, rule=rule_id):
            raise NotFoundError("no such rule")

    def alerts(self, project_id: UUID) -> list[Json]:
        """Return the project's newest alerts, at most `limits.ALERTS_SHOWN`."""
        query = f"""
        SELECT {_ALERT} FROM alerts.alerts WHERE project_id = :project ORDER BY fired_at DESC, id LIMIT :most
        """  # noqa: S608 - constants only
        return [dict(row) for row in self._rows(query, project=project_id, most=limits.ALERTS_SHOWN)]

    def unread_count(self, project_id: UUID) -> int:
        """Return how many alerts nobody has acknowledged."""
        query = "SELECT count(*) AS n FROM alerts.alerts WHERE project_id = :project AND NOT acknowledged"
        return int(self._rows(query, project=project_id)[0]["n"])

    def project_of(self, alert_id: UUID) -> UUID:
        """Return the project of an alert.

        Raises:
            NotFoundError: There is no such alert.
        """
        rows = self._rows("SELECT project_id FROM alerts.alerts WHERE id = :alert", alert=alert_id)
        if not rows:
            raise NotFoundError("no such alert")
        project_id: UUID = rows[0]["project_id"]
        return project_id

    def acknowledge(self, project_id: UUID, alert_id: UUID) -> None:
        """Mark an alert as read; a second call changes nothing."""
        query = "UPDATE alerts.alerts SET acknowledged = true WHERE project_id = :project AND id = :alert RETURNING id"
        self._rows(query, project=project_id, alert=alert_id)

    def _rows(self, query: str, **values: object) -> list[RowMapping]:
        with self._database.transaction() as connection:
            return list(connection.execute(text(query), values).mappings())


def _rule(row: RowMapping) -> AlertRule:
    shape = {"condition": row["condition"], "threshold": row["threshold"]}
    condition: Condition = msgspec.convert(shape, Condition)
    return AlertRule(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        condition=condition,
        is_active=row["is_active"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
