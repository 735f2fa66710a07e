"""Ingest protocols, one file each: bytes to events, once. Nothing downstream parses again."""
