"""Speed and memory, compared with every peer that is installed: ``python -m benchmarks``."""
