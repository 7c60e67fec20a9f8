"""The command line: parses, builds, runs; one file per command, one error boundary in main.py."""
