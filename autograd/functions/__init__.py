"""The operations as functions, what is composed of them, and NumPy in and out."""
