"""The loop: its graph, its state, what a run carries, and one conversation with an agent."""
