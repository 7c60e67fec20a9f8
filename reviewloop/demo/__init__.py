"""The demo: a small project of ours, and prepared replies of its model."""
