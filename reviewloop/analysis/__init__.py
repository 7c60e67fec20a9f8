"""Examines a change: which analysers read it, what they report, what of that the change brings."""
