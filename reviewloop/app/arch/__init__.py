"""Compares code with its architecture, writes the file, draws it, tells where revisions differ."""
