"""Seeded sample data: made, never collected."""
