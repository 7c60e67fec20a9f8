"""One reader per output format of the tools."""
