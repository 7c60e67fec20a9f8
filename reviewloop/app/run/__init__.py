"""Start, advance, answer, change and clean up runs."""
