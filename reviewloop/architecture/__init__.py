"""The architecture of a repository as a file: imports, where files live, style."""
