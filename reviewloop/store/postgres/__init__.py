"""The stores of runs shared by many machines, on PostgreSQL; imported only when one is named."""
