"""A project's alert rules, in the visitor's name."""

import msgspec

from dashboards.client import Client, part
from dashboards.records import Rule


class _Rules(msgspec.Struct):
    rules: list[Rule]


class _Rule(msgspec.Struct):
    rule: Rule


class AlertRules:
    """Lists, makes and deletes rules."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def all(self, project_id: str) -> list[Rule]:
        """Return the project's rules, newest first."""
        return (await self._client.send("GET", "alerts", _path(project_id), _Rules)).rules

    async def add(self, project_id: str, name: str, condition: str, threshold: int) -> Rule:
        """Make a rule for what arrives from now on, and return it.

        Raises:
            RefusedError: The name or the threshold will not do.
            StaleError: The project has as many rules as it may.
        """
        body = {"name": name, "condition": condition, "threshold": threshold}
        return (await self._client.send("POST", "alerts", _path(project_id), _Rule, body)).rule

    async def delete(self, project_id: str, rule: Rule) -> None:
        """Delete a rule; what it has said stays.

        Raises:
            MissingError: It is gone already.
        """
        await self._client.send("DELETE", "alerts", f"{_path(project_id)}/{part(rule.id)}", dict[str, str])


def _path(project_id: str) -> str:
    return f"/projects/{part(project_id)}/rules"
