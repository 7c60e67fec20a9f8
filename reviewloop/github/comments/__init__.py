"""The texts of our comments, and the data that they carry for the next run."""
