"""What people say on a pull request: commands, dismissals, and what they want fixed."""
