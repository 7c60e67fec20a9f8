"""A run: begun, moved, answered, changed and cleaned up."""
