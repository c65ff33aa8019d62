"""The command line: ``python -m nn``, or ``chainrule``."""

from .command import main

__all__ = ["main"]
