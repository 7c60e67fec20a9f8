"""The stores of runs that many machines share, on PostgreSQL; imported only when one is named."""
