"""The values that every room speaks: findings, tasks, proposals, reports and errors."""
