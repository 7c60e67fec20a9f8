"""The same loop on many machines: tasks queued in PostgreSQL, workers that take them."""
