"""The first call of `trace` for the loss with its gradient."""

from benchmarks.cases.first_calls import of_points

PEERS = {"chainrule": of_points(50, gradient=True)}
ROUNDS = 3
