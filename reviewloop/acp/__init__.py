"""Holds a turn with a coding agent of others, over the Agent Client Protocol, in a cage."""
