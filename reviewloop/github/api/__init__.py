"""What is asked of GitHub: one client, its answers and refusals, and the values they make."""
