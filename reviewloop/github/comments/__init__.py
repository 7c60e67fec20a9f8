"""What a comment of ours says, and what it carries unseen for the next run."""
