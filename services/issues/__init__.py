"""Folds events into issues, exactly once, and shows them."""
