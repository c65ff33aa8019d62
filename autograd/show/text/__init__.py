"""Graphs as text: formulas, steps, paths and explanations."""
