"""Our tools for programs of others: a server of the Model Context Protocol, and a way out."""
