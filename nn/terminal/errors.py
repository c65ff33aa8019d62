"""What is wrong with a command line."""


class UsageError(Exception):
    """The command line or one of its files is wrong; the message is one line."""
