"""All open tasks of a spec, each in a run of its own, and the queue of what waits for a user."""
