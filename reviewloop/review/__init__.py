"""What makes a review good: the prompt, the intake of answers, exact anchors, honest merging."""
