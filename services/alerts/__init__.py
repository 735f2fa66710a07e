"""Fires rules on issue updates and keeps the alert log."""
