"""Accounts, tokens, organizations, projects and their keys."""
