"""The cases: each file maps the name of a peer to a function that prepares it.

A preparation returns a function of no arguments, which does the work once and returns a `Result`. Peers are
imported inside of the preparations, since each runs in a process of its own.
"""
