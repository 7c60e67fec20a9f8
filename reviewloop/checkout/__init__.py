"""The user's files: put into workspaces, promoted, taken back; links are never followed."""
