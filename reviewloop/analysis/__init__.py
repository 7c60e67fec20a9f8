"""Examines a change: runs analysers, reads their reports, and keeps what the change introduces."""
