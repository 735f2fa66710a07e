"""The routes by which people choose how a project groups its events."""

from typing import NamedTuple

from atlas_core.storage.merging import Merges


class Groups(NamedTuple):
    """The stores behind merges and grouping."""

    merges: Merges
