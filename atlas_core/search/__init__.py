"""The language in which people ask for issues: `parse(text)` reads it, `printed(query)` writes it."""

from atlas_core.search.parsing import parse
from atlas_core.search.printing import printed
from atlas_core.search.terms import Query, Sort, Term

__all__ = ["Query", "Sort", "Term", "parse", "printed"]
