"""What `reviewloop spec` does: checks specs without a model, and traces what serves what."""
