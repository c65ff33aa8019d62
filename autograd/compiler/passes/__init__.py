"""Passes: each turns a tape into another tape with the same results."""
