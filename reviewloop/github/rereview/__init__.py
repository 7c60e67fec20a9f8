"""Compares a review with earlier ones: repeated, fixed and dismissed findings, replies."""
