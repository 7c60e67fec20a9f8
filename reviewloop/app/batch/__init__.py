"""Batches: all open tasks of a spec, a run each; and the queue of runs that wait for a user."""
