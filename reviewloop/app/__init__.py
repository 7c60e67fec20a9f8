"""The use cases that commands, the Action and programs call."""
