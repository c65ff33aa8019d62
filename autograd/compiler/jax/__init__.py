"""Programs in `jax.numpy`, from the same plans as those in NumPy."""
