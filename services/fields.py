"""Fields of bodies that several services take."""

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from atlas_core import limits
from services.http import clean

# Before anything is measured: a name of what cannot be stored is an empty one.
CLEAN = BeforeValidator(lambda value: clean(value) if isinstance(value, str) else value)
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=limits.NAME_CHARACTERS), CLEAN]
