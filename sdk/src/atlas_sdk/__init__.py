"""Reports errors to Atlas. Standard library only; never raises into its host, never slows it."""

from atlas_sdk.client import Client

__all__ = ["Client"]
__version__ = "0.1.0"
