"""Widgets of the pages; each is a Python module and its script beside it."""
