"""Voila dashboards."""
