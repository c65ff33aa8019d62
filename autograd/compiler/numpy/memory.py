"""Keep the memory of arrays that are freed, for the arrays of the next call."""

from __future__ import annotations

from functools import cache

import numpy as np

# Of floats: the GNU C library keeps no more than 64 MB for having freed 32.
_LARGEST = 2**22 - 2**12


@cache
def keep_freed_memory() -> None:
    """Have the C library keep what is freed, once in a process.

    The GNU C library gives large arrays back to the system when they are freed, and to get them again, page
    by page, takes ten times as long as to fill them: of 6 ms that a mixture of Gaussians took, 4 were that.
    It learns from what is freed: once that was an array of 32 MB, which is never touched here, it keeps up to
    64 MB for later arrays of that size or less. Other libraries do what they did.

    Examples
    --------
    >>> keep_freed_memory()
    """
    np.empty(_LARGEST)
