"""Rules for JavaScript and TypeScript: security, maintainability, speed and tests."""
