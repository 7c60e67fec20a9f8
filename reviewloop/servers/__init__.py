"""MCP servers of others: which are known, which a user trusts, and what their tools answer."""
