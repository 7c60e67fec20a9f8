"""The job of a workflow: what started it, which commits it has, and how it ends."""
