"""Renders results for people and programs: pure functions of the values of `domain`."""
