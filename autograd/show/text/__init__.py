"""What is written of a graph: formulas, steps, paths and explanations."""
