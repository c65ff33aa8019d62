"""A chain of 1,000,000 operations."""

from benchmarks.cases import shapes

PEERS = shapes.all_engines(shapes.chain)
ROUNDS = 3
