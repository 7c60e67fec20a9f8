"""Specs that users write, their tasks, and the steering files for agents."""
