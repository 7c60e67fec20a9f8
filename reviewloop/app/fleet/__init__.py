"""Runs on this machine, or on many: tasks queued in PostgreSQL, which workers take."""
