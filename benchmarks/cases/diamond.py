"""1,000 doublings, with 2**1000 paths."""

from benchmarks.cases import shapes

PEERS = shapes.all_engines(shapes.diamond)
ROUNDS = 9
