"""Deterministic analysers: tools that others maintain, and small checks of our own."""
