"""The 60 rows of bad answers: each is one way in which a model or its provider misbehaves."""
