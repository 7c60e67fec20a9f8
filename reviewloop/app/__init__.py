"""The use cases: everything that a command, an Action or a program calls."""
