"""Rules for Python that ruff lacks: queries, growth, blocking calls, tokens."""
