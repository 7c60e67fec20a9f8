"""The parts of a review: prompts, reading answers, exact anchors, merging, silencing."""
