"""The version of this distribution, sent with every event."""

from typing import Final

VERSION: Final = "0.1.0"
