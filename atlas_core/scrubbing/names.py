"""Which names tell that a secret follows."""

from functools import lru_cache
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

from atlas_core.scrubbing.patterns import NAME_PARTS, NAMES

FILTERED: Final = "[Filtered]"
_SEPARATORS: Final = "-_. "
_WITHOUT_SEPARATORS: Final = str.maketrans("", "", _SEPARATORS)
# A whole name ends with its quote, that quote's escape, or the colon of a header.
_SIGNS: Final = BytesAhoCorasick(
    [
        *(part.encode() for part in NAME_PARTS),
        *(
            f"{start}{name}{end}".encode()
            for name in NAMES
            for start, end in (('"', '"'), ('"', "\\"), ("'", "'"), ("'", "\\"))
        ),
        *(f"{name}:".encode() for name in NAMES),
    ]
)


def may_name_secrets(lowered: bytes) -> bool:
    """Tell whether a text in lower case, or its JSON, may hold such a name; a no is certain."""
    return bool(_SIGNS.find_matches_as_indexes(lowered.translate(None, _SEPARATORS.encode())))


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Tell whether what is called so is a secret."""
    plain = name.encode().lower().decode().translate(_WITHOUT_SEPARATORS)
    return plain in NAMES or any(part in plain for part in NAME_PARTS)
