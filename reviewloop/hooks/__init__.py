"""Hooks of a repository: read in every format, one typed value each; nothing is run here."""
