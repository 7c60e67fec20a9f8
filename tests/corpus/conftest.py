"""Keeps pytest from collecting the planted test files."""

collect_ignore_glob = ["*"]
