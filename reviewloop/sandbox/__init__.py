"""Keeps commands of the repository away from everything but the workspace: see `choose`."""
