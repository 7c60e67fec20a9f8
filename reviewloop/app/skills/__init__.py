"""Skills that are captured, improved, proved and run; each stops where a user decides."""
