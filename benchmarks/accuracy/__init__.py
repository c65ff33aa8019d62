"""``python -m benchmarks accuracy``: values and derivatives against formulas evaluated with 50 digits.

Each row of the table, each function that is composed of rows, and each loss, at points over the whole range
of doubles. PyTorch, JAX and NumPy are measured at the same points.
"""

import sys
from pathlib import Path

# What each function is, in mpmath and in the peers, is written once: for the tests.
sys.path.insert(1, str(Path(__file__).parents[2] / "tests"))
