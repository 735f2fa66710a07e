"""The stores behind the issue service's read side."""

from typing import NamedTuple, Self

from atlas_core.storage.database import Database
from atlas_core.storage.event_queries import EventQueries
from atlas_core.storage.issue_lists import IssueLists
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

    @classmethod
    def of(cls, database: Database) -> Self:
        """Return the stores on one database."""
        return cls(
            IssueQueries(database),
            IssueLists(database),
            EventQueries(database),
            SavedViews(database),
            Statistics(database),
        )
