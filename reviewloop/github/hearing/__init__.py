"""Hears commands in comments, and carries out those that take no model."""
