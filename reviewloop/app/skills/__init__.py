"""Captures, improves, proves and runs skills, each with gates where a user decides."""
