"""The linter: find out what went wrong in training."""
