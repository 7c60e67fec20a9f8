"""Checks specs without a model, traces requirements, and runs spec sessions."""
