"""Compares code with its architecture; writes, draws and migrates the file; compares revisions."""
