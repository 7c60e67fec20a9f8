"""What a review says on GitHub: comments on lines, and one summary kept up to date."""
