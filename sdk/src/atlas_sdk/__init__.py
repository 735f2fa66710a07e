"""Reports errors to Atlas."""
