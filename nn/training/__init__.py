"""Training: the loop, its steps, and its record."""
