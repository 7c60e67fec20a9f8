"""Model Context Protocol: a server with our tools for other programs, and a proxy."""
