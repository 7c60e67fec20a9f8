"""Compares the names in specs with those in code, without a model."""
