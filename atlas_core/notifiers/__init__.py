"""Who is told about an alert: one file for each way."""
