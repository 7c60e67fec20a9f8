"""The review loop as a graph: read `reviewloop/loop/graph.py` first."""

from reviewloop.loop.graph import ReviewLoop, build_graph

__all__ = ["ReviewLoop", "build_graph"]
