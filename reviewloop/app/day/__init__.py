"""Handoffs: writes one at the end of a session, and compares it with the state at the next."""
