"""Foreign MCP servers: definitions, and connections for their tools."""
