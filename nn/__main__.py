"""``python -m nn``: train an MLP, and use it."""

import sys

from .terminal import main

if __name__ == "__main__":
    sys.exit(main())
