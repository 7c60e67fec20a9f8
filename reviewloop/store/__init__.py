"""What outlives a process: run records, journal, blobs, events, locks; never in a repository."""
