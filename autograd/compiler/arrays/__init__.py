"""Finding arrays in the scalars of a tape, and laying them out."""
