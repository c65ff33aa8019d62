"""Programs in `jax.numpy`, from the same plans as those in NumPy.

They give what NumPy's programs give, up to the order of summation and 4 units in the last place of each
function, nan for nan and infinity for infinity, but for what XLA does itself: on CPUs it takes numbers below
2.2e-308 for 0, and it writes `x / y / z` as `x / (y * z)`, which overflows where y * z does.
"""
