"""Voila dashboards: a page is one module and one three-cell notebook."""
