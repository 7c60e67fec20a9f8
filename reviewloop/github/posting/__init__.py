"""Posts a review on GitHub: comments on lines, and one summary kept up to date."""
