"""Holds a turn with a foreign coding agent in a cage, over the Agent Client Protocol."""
