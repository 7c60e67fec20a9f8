"""The demo: a small project of our own, and the replies that we wrote for its model."""
