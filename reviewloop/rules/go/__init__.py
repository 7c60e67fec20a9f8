"""Rules for Go: security, maintainability, speed and tests."""
