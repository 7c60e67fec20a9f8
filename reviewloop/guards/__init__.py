"""Gates: deterministic checks of one change, each in a file of its own."""
