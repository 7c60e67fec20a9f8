"""The loop: its graph, its state, its run context, and the conversation with an agent."""
