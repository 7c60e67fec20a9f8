"""Reviews a pull request: runs the review, compares it with earlier ones, and posts it."""
