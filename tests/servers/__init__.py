"""The real servers of the live tests, installed and started without Docker."""
