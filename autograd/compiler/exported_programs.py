"""What is exported of a function: its program, and derivatives if it returns a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..transforms.derivatives import hvp, value_and_grad
from ..transforms.trees import Leaf, Structure
from .arguments.arrays import paths_of
from .arguments.call import Call
from .arguments.call_examples import CallExample
from .arguments.open_lengths import OpenLengths
from .recording import recorded
from .runtime.program import Program

Names = Sequence[str]


class ExportedProgram(NamedTuple):
    """A program that becomes a function of another language.

    Attributes
    ----------
    suffix : str
        What its name ends with.
    doc : str
        What it computes; ``{}`` is the name of the function.
    program : Program
        The program.
    lengths : OpenLengths
        The lengths that it leaves open.
    arguments, results : list of (str, str)
        What its arguments and results are, and what they are called.
    """

    suffix: str
    doc: str
    program: Program
    lengths: OpenLengths
    arguments: list[tuple[str, str]]
    results: list[tuple[str, str]]


def exported_program(
    program: Program, structure: Structure, lengths: OpenLengths, names: list[str]
) -> ExportedProgram:
    """Return a program as it is exported, without derivatives.

    Parameters
    ----------
    program : Program
        The program.
    structure : Structure
        The structure of its results.
    lengths : OpenLengths
        The lengths that it leaves open.
    names : list of str
        What its arguments are called.

    Examples
    --------
    >>> from .arguments.open_lengths import NONE_OPEN
    >>> from .runtime.program import CompilationReport
    >>> program = Program(str, tuple, CompilationReport(0, 0, 0.0))
    >>> exported_program(program, Leaf((2,)), NONE_OPEN, ["x"]).results
    [('result', 'result')]
    """
    given = [(name, name) for name in names]
    if structure == Leaf(()):
        return ExportedProgram("", "the value of {}", program, lengths, given, [("the value", "value")])
    paths = [f"result{path}" for path in paths_of(structure)]
    return ExportedProgram("", "{}", program, lengths, given, [(path, path) for path in paths])


def exported_programs(
    f: Callable[..., Any], example: CallExample, argnums: int | Sequence[int] | None
) -> list[ExportedProgram]:
    """Return the programs of a function: its own, and derivatives if it returns a number.

    Parameters
    ----------
    f : callable
        The function.
    example : CallExample
        An example of its arguments.
    argnums : int, sequence of int or None
        The arguments by position that it is differentiated by; None for all of them.

    Raises
    ------
    ValueError
        For arguments that there are not, or of a function that returns no single number.

    Examples
    --------
    >>> example = CallExample(Call(lambda x, y: x * y, (2.0, 3.0), {}))
    >>> [of.doc for of in exported_programs(lambda x, y: x * y, example, None)]
    ['the value of {}', 'the value and the gradient of {}', 'the product of the Hessian of {} and a vector']
    """
    own, names = example.function(f), [array.argument + array.path for array in example.outline]
    args, kwargs = example.arguments()
    program, results, lengths = recorded(Call(own, args, kwargs), "numpy")
    structure = results.structure
    found = [exported_program(program, structure, lengths, names)]
    if structure != Leaf(()):
        if argnums is not None:
            raise ValueError(
                f"expected no argnums for a function that returns {structure}, which has no gradient, got "
                f"{argnums!r}; to_c of jit(value_and_grad(f)), say, has derivatives among its results"
            )
        return found
    chosen = example.positions if argnums is None else [argnums] if isinstance(argnums, int) else [*argnums]
    places = tuple([example.place(position) for position in chosen])
    if not places:
        return found
    by = [array for array in example.outline if array.position in chosen]
    by.sort(key=lambda array: chosen.index(array.position or 0))
    of = [array.argument + array.path for array in by]
    gradient = [("the value", "value"), *((f"the derivative by {name}", f"d_{name}") for name in of)]
    program, _, lengths = recorded(Call(value_and_grad(own, places), args, kwargs), "numpy")
    doc = "the value and the gradient of {}"
    given = [(name, name) for name in names]
    found.append(ExportedProgram("_gradient", doc, program, lengths, given, gradient))

    def along(*numbers: Any, **named: Any) -> Any:
        primals, tangents = numbers[: len(args)], numbers[len(args) :]

        def of_chosen(*own_args: Any) -> Any:
            by_place = dict(zip(places, own_args, strict=True))
            return own(*[by_place.get(i, primals[i]) for i in range(len(args))], **named)

        return hvp(of_chosen, [primals[i] for i in places], tangents)

    both = [*args, *[args[i] for i in places]]
    program, _, lengths = recorded(Call(along, tuple(both), kwargs), "numpy")
    by_position = sum(array.position is not None for array in example.outline)
    vector = [(f"the part of the vector for {name}", f"v_{name}") for name in of]
    product = [(f"the part of the product for {name}", f"hv_{name}") for name in of]
    doc = "the product of the Hessian of {} and a vector"
    both_given = [*given[:by_position], *vector, *given[by_position:]]
    found.append(ExportedProgram("_hvp", doc, program, lengths, both_given, product))
    return found
