"""The tools of agents; they work on a git tree of the run and never on the file system."""
