"""Changes a spec by a sentence, then does its tasks."""
