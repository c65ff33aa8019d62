"""Lay out the colour classes of a tape as arrays."""
