"""Reviews pull requests on GitHub: reads the event, posts comments and remembers state between
runs.

Entry points: `reviewing.review` for a review, `comment_commands` and `fixing` for commands in
comments, `publishing` for pull requests that we open.
"""
