"""The processes of Atlas; none imports another."""
