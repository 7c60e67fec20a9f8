"""The job of a workflow: its trigger, its commits and its outcome."""
