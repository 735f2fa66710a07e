"""Channels: one adapter for each server, all with the promises of `ports`. Add one, add it to the contract suite."""
