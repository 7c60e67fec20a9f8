"""The values that every package uses: findings, tasks, proposals, reports and errors."""
