"""One file per box of the diagram in `graph.py`: a step takes the state, returns what changed."""
