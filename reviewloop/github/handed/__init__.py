"""What one job hands to another: a review to post, or commits to push. Nothing is trusted."""
