"""How results reach people and machines: pure functions of the values of `domain`."""
