"""Publishes our own work on GitHub: branches, pull requests, their texts and approvals."""
