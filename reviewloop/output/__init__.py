"""How results reach people and machines: terminal screens and versioned JSON."""
