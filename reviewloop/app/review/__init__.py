"""Reviews any diff: selects, analyses, asks the reviewers, reports."""
