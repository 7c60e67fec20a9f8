"""The command line: one file per command; main.py has the one error boundary."""
