"""Reports an application's errors to Atlas: `Client(api_key)` and its `capture_error`."""

from atlas_sdk.client import Client
from atlas_sdk.counts import Stats
from atlas_sdk.events import Event
from atlas_sdk.scope import Scope
from atlas_sdk.version import VERSION

__version__ = VERSION
__all__ = ["Client", "Event", "Scope", "Stats", "__version__"]
