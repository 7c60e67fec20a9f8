"""Compares the names that specs have with those that code has, without a model."""
