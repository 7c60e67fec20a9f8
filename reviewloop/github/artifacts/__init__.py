"""Artifacts between jobs of a workflow: a review to post, or commits to push; all untrusted."""
