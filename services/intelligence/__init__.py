"""Asks a local language model about issues, by way of a queue."""
