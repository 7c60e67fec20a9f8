"""MCP servers of others: which are known, which a person trusts, and what their tools answer."""
