"""The only door to a language model: routing, retries, budget, usage, script and replay."""
