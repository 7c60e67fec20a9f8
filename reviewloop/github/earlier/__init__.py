"""What became of the findings of earlier reviews, and the answers in their threads."""
