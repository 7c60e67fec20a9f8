"""Checks of what a change does to the review itself: suppressions, leftovers, hidden text, copies."""
