"""What is wrong with a command line, and how an interrupted command ends."""

STATUS_INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the number of the signal."""


class UsageError(Exception):
    """The command line or one of its files is wrong; the message is one line."""
