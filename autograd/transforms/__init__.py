"""Functions of functions: gradients, batches, checks, and the sweeps below them."""
