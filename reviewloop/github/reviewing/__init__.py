"""Reviews a pull request: read, compare with before, post, tell."""
