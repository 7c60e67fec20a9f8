"""The values that every package uses: findings, gate results, tasks, reasons, events, errors."""
