"""Irregular programs as a table of operations to interpret."""
