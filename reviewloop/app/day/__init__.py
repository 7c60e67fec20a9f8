"""How a working day ends and begins: what is handed over, and whether it still holds."""
