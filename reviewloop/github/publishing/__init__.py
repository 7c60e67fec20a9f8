"""Branches and pull requests of our own: what is pushed, the text, and who approved."""
