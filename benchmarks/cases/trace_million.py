"""The first call of `trace` on so many points that the loss has 1,000,000 operations."""

from benchmarks.cases.first_calls import of_points

# Of either class.
MANY = 775

PEERS = {"chainrule": of_points(MANY, gradient=False)}
ROUNDS = 1
