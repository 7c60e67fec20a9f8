"""Rules for Go: security, upkeep, speed and tests."""
