"""Times that people send: in UTC, and of years that the database and Python can both hold in any zone."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from atlas_core import limits


def in_utc(at: datetime) -> datetime:
    """Return a time in UTC; one without an offset is taken to be so.

    Raises:
        ValueError: Its year, in UTC, is not in `limits.YEARS`.
    """
    try:
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:  # at either end of the calendar
        utc = at.replace(tzinfo=UTC)
    if utc.year not in limits.YEARS:
        raise ValueError(f"a year from {limits.YEARS[0]} to {limits.YEARS[-1]}, in UTC, is expected")
    return utc


Moment = Annotated[datetime | None, AfterValidator(lambda at: at and in_utc(at))]
ZonedMoment = Annotated[AwareDatetime, AfterValidator(in_utc)]
