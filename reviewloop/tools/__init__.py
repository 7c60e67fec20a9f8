"""What agents may call; everything works on one tree of the run and never on the file system."""
