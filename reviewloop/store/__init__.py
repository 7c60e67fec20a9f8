"""Files that outlive a process, never in a repository: run records, journal, blobs,
events, locks.
"""
