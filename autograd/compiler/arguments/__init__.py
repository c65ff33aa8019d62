"""The arguments of a compiled function: the key that programs are kept by, and what reads them at a call."""
