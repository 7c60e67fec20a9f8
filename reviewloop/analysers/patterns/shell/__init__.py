"""Patterns for shell scripts, and the reading of shell commands."""
