"""The stores on PostgreSQL. Only here, in `transports/postgres.py` and `embedded.py` is SQL spoken."""
