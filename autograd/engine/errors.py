"""What a function that is traced or differentiated raises when it asks for a number that it cannot have."""


class TracedValueError(TypeError):
    """A traced function asked for a number that is known only when the program runs."""


class LostGradientError(TypeError):
    """A function that is being differentiated made a plain number of one that depends on its variables."""
