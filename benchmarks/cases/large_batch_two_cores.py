"""The same as `large_batch` on two cores, for whoever uses them."""

from benchmarks.cases.large_batch import STEPS, on

PEERS = {peer: on(2, peer) for peer in STEPS}
ROUNDS = 5
