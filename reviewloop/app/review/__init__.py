"""A review of any diff: selected, analysed, read by the reviewers, reported."""
