"""What a change of grouping does to issues that exist."""
