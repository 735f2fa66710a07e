"""The stores behind the issue service's read side."""

from collections.abc import Callable
from typing import NamedTuple, Self

from atlas_core.storage.database import Database
from atlas_core.storage.event_queries import EventQueries
from atlas_core.storage.exports import Exports
from atlas_core.storage.intake_queries import IntakeQueries
from atlas_core.storage.issue_lists import IssueLists
from atlas_core.storage.project_settings import ProjectSettings
from atlas_core.storage.queries import IssueQueries
from atlas_core.storage.saved_views import SavedViews
from atlas_core.storage.statistics import Statistics


class Reads(NamedTuple):
    """Who answers what."""

    issues: IssueQueries
    lists: IssueLists
    events: EventQueries
    views: SavedViews
    statistics: Statistics
    intake: IntakeQueries
    exports: Exports
    settings: ProjectSettings

    @classmethod
    def of(cls, database: Database, lag: Callable[[], int] = lambda: 0) -> Self:
        """Return the stores on one database; `lag` asks the event log how many events wait there."""
        return cls(
            IssueQueries(database),
            IssueLists(database),
            EventQueries(database),
            SavedViews(database),
            Statistics(database),
            IntakeQueries(database, lag),
            Exports(database),
            ProjectSettings(database),
        )
