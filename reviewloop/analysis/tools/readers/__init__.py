"""One parser per output format of the tools."""
