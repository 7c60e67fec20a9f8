"""Pull requests on GitHub: what is read from an event, what is posted, and what is remembered."""
