"""Reads the hooks of a repository in every format, as one typed value each; runs nothing."""
