"""Finding what went wrong in training."""
