"""Fixes findings that a comment asks to fix."""
