"""Rules for Python where ruff has none: queries, growth, blocking calls, trusted tokens."""
