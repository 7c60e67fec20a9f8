"""Pull requests on GitHub: what is read from an event, what is posted, and what is remembered.

A review begins in `reviewing.review`, a command in `hearing.hear` or `fixing.fix`, a pull request
of our own in `publishing`.
"""
