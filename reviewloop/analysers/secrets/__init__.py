"""Secrets in texts: what vendors issue, passwords written down, and masking both."""
