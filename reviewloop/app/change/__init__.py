"""A change by a sentence: the spec first, then its tasks."""
