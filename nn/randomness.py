"""What arguments called ``rng`` take."""

from __future__ import annotations

import numpy as np

Rng = np.random.Generator | int | None
