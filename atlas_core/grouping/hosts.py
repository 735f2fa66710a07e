"""Host names among dotted words; frozen with `normalized`."""

import re
from typing import Final

from atlas_core.grouping import vocabulary
from atlas_core.grouping.vocabulary import DIGITS, SLOT

DOTTED: Final = re.compile(r"(?<![\w.@-])[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++(?::[0-9]++)?+")
"""Host names with their port, dotted identifiers, dotted numbers."""

_COUNTRY_CHARACTERS: Final = 2
_HOST_LABELS: Final = 3


def slot(match: re.Match[str]) -> str:
    """Return a slot for a match of `DOTTED` that is a host name; identifiers and numbers stay.

    A class or a package (`java.net.ConnectException`, `app.models`) names the problem. A domain that could be a module
    (`shop.orders.io`) is a host only with evidence: a port, a digit, a hyphen, a second level such as `co.uk`.
    """
    token = match[0]
    name, _, port = token.partition(":")
    labels = name.split(".")
    domain = labels[-1].lower()
    if not domain.isalpha() or not (labels[-1].islower() or name.isupper()):
        return token
    if labels[0].lower() in vocabulary.REVERSED_DOMAINS:
        return token
    if domain in vocabulary.DOMAINS:
        return SLOT
    country = len(domain) == _COUNTRY_CHARACTERS and domain not in vocabulary.SOURCE_SUFFIXES
    if not country and domain not in vocabulary.DOMAINS_IN_DOUBT:
        return token
    evident = port or not DIGITS.isdisjoint(name) or labels[-2] in vocabulary.SECOND_LEVEL_DOMAINS
    return SLOT if "-" in name or (evident and len(labels) >= _HOST_LABELS) else token
