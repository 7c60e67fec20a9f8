"""Guard-rails: deterministic answers about one change, each in a file of its own."""
