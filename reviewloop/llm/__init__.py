"""The only access to language models: routing, retries, budget, usage, scripts and replay."""
