"""Exercises on a graph: questions with blanks, their marks, and sheets to print."""
