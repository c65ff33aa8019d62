"""The first call of a compiled function: tracing and compiling the scalar loops of the demo's loss."""

from benchmarks.cases.first_calls import of_points

PEERS = {"chainrule": of_points(50, gradient=False)}
ROUNDS = 3
