"""Rules for JavaScript and TypeScript: security, upkeep, speed and tests."""
