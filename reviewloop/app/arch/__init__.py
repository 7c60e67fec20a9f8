"""Compares code with its architecture, writes and draws the file, compares revisions."""
