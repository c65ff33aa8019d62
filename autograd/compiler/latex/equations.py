"""`Equations`: the program of a compiled function as mathematics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...printable import printable
from ...show.text.formulas import latex_text
from ...transforms.derivatives import gradients_returned_by
from ..arguments.arrays import LARGE
from ..arguments.call import NamedArray
from ..arrays.plan import Plan, Results
from .algebra import times
from .index_notation import Entry, Letter, SlopeOf, entries_of, walk
from .layouts import LetterClasses, Lines, layouts_of, lines_of
from .matrices import MatrixTree, NoMatrixFormError, matrix_form
from .naming import Backward, backward_arrays, symbols_of
from .parameters import by_parameters
from .reading import ArrayFormula, ArrayPiece, Key, ProgramFormulas, formulas_of
from .recognition import slope_formula
from .simplification import simplified
from .symbols import (
    ParameterArray,
    ShownSymbol,
    SourceNames,
    parameter_arrays,
    source_names,
    symbol_of,
    with_indices,
)
from .writing import Extent, FormulaWriter, LengthSymbols

_SHOWN = 24
"""So many constants are written out."""


class Equation(NamedTuple):
    """What an array of a program is.

    Attributes
    ----------
    array : ArrayFormula
        The array.
    piece : ArrayPiece
        All of its elements, or some.
    row, column : Letter or None
        The letters of its rows and columns, as it lies.
    tree : MatrixTree or None
        What it is, with matrices; None where that is said in index notation.
    step : Letter or None
        The letter of the steps, if it is one step of a loop.
    """

    array: ArrayFormula
    piece: ArrayPiece
    row: Letter | None
    column: Letter | None
    tree: MatrixTree | None
    step: Letter | None = None


@dataclass
class Equations:
    r"""The program of a compiled function as mathematics.

    A notebook typesets it, ``str`` gives LaTeX, and a terminal shows plain text.

    Attributes
    ----------
    latex_sides : list of (str, str)
        Both sides of each equation in LaTeX.
    text_lines : list of str
        The equations in plain text.
    notes : list of str
        What has to be said beside the formulas.
    program : ProgramFormulas
        What they say of each array, in index notation.
    equations : list of Equation
        The equations, before they became text.
    layout : callable
        Which dimension of an array is that of its rows, and which that of its columns.
    symbols : mapping
        What each array is called.
    parameters : mapping
        The arrays that the parameters of an argument form, if it is a module.
    gradients : mapping
        Of which argument a result is the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import jit, value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: ((w * x).sum() - 1.0) ** 2))
    >>> _ = f(np.ones(2), np.ones(2))
    >>> f.to_latex()
    u = wᵀ x - 1
    f = u^2
    ∂f/∂w = 2 u x
    """

    latex_sides: list[tuple[str, str]]
    text_lines: list[str]
    notes: list[str]
    program: ProgramFormulas
    equations: list[Equation]
    layout: Callable[[Hashable], Lines]
    symbols: Mapping[Hashable, ShownSymbol]
    parameters: Mapping[int, Sequence[ParameterArray]]
    gradients: Mapping[int, int]

    @property
    def latex_lines(self) -> list[str]:
        """Each equation in LaTeX."""
        return [f"{left} = {right}" for left, right in self.latex_sides]

    @property
    def latex(self) -> str:
        """LaTeX, without dollar signs: an ``aligned`` environment with an equation in each line."""
        if not self.latex_sides:
            return ""
        aligned = " \\\\[4pt]\n".join(f"{left} &= {right}" for left, right in self.latex_sides)
        return f"\\begin{{aligned}}\n{aligned}\n\\end{{aligned}}"

    def __str__(self) -> str:
        return self.latex

    def __repr__(self) -> str:
        return "\n".join([*self.text_lines, *self.notes])

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


def equations_of(
    f: Callable[..., Any],
    plan: Plan,
    results: Results,
    outline: Sequence[NamedArray],
    *,
    dimensions: bool = True,
) -> Equations:
    """Return a program as mathematics.

    Parameters
    ----------
    f : callable
        The function that was compiled.
    plan : Plan
        What was found in it.
    results : sequence of (sequence of int, tuple of int)
        For each result its instructions and its shape.
    outline : sequence of NamedArray
        What the user calls the arrays that it takes.
    dimensions : bool
        Whether LaTeX has dimensions below arrays.

    Raises
    ------
    UnwrittenError
        For a part that is not written as mathematics.

    Examples
    --------
    >>> print(equations_of(abs, Plan({}, {}), [], []).latex)
    <BLANKLINE>
    """
    return _Assembly(f, outline, source_names(f)).equations(plan, results, dimensions=dimensions)


class _Assembly:
    """Puts the equations of a program together."""

    def __init__(self, f: Callable[..., Any], outline: Sequence[NamedArray], names: SourceNames) -> None:
        self.f, self.outline, self.names = f, outline, names
        self.parameters: dict[int, Sequence[ParameterArray]] = {
            k: parameter_arrays(array.keys) for k, array in enumerate(outline) if array.keys
        }
        # Of which argument a result is the gradient, and of which number of an argument.
        self.gradient_of: dict[int, int] = {}
        self.partial_of: dict[int, tuple[int, int]] = {}
        self.value = self._read_results()

    def _read_results(self) -> int | None:
        """Note which results are gradients; return which one is the value."""
        returned = gradients_returned_by(self.f)
        if returned is None or returned.has_aux:
            return None
        argnums = [returned.argnums] if isinstance(returned.argnums, int) else [*returned.argnums]
        positions = 1 + max(
            [array.position for array in self.outline if array.position is not None], default=0
        )
        wanted = [argnum % positions if argnum < 0 else argnum for argnum in argnums]
        result = 1 if returned.has_value else 0
        for position in wanted:
            for k, array in enumerate(self.outline):
                if array.position != position:
                    continue
                # The gradient of a module is a dict: that of a small one is a number for each parameter.
                if array.keys and len(array.keys) <= LARGE:
                    self.partial_of |= {result + i: (k, i) for i in range(len(array.keys))}
                    result += len(array.keys)
                else:
                    self.gradient_of[result] = k
                    result += 1
        return 0 if returned.has_value else None

    def equations(self, plan: Plan, results: Results, *, dimensions: bool) -> Equations:
        shapes = [array.shape for array in self.outline]
        read = formulas_of(plan, results, shapes)
        by_name = partial(by_parameters, arguments=self.parameters, gradients=self.gradient_of)
        # Once more, since some arrays of all parameters are written where a part of them is used.
        program = _results_early(simplified(by_name(simplified(by_name(read)))))
        classes = LetterClasses(program)
        gradients = self._gradients(program)
        fixed, tied = self._fixed(program, gradients)
        lines = layouts_of(program, classes, fixed, tied, gradients)

        def layout(key: Hashable) -> Lines:
            assert isinstance(key, tuple)
            return lines.get(key, (None, None))

        equations = [
            _equation(array, piece, layout) for array in program.arrays.values() for piece in array.pieces
        ]
        backward = backward_arrays(program, gradients, classes)
        known = self._known(program, gradients)
        has_gradients = bool(self.gradient_of or self.partial_of)
        symbols = symbols_of(program, known, backward, self.names, lines, has_gradients=has_gradients)
        sizes = self._sizes(plan, program, classes)
        arguments: set[Hashable] = {
            key for key in known if dimensions and key[0] in ("argument", "parameter")
        }
        latex = _Lines(FormulaWriter(symbols, extents_of(program), sizes, layout, True, arguments))
        plain = _Lines(FormulaWriter(symbols, extents_of(program), sizes, layout, False))
        typeset = latex.written(equations, dimensions=dimensions)
        text = [f"{left} = {right}" for left, right in plain.written(equations, dimensions=False)]
        notes = [*self._notes(program, backward, plain.writer, symbols), *plain.writer.notes]
        return Equations(
            typeset, text, notes, program, equations, layout, symbols, self.parameters, self.gradient_of
        )

    def _gradients(self, program: ProgramFormulas) -> dict[Key, Key]:
        """Return of which argument or parameters each result is the gradient."""
        found: dict[Key, Key] = {}
        for key in program.arrays:
            if key[0] == "result" and key[1] in self.gradient_of:
                k = self.gradient_of[key[1]]
                found[key] = ("argument", k) if len(key) == 2 else ("parameter", k, key[2])
        return found

    def _fixed(
        self, program: ProgramFormulas, gradients: Mapping[Key, Key]
    ) -> tuple[dict[Key, Lines], dict[Key, Key]]:
        """Return how some arrays lie in any case, and which lie as another one does."""
        fixed: dict[Key, Lines] = {}
        tied: dict[Key, Key] = {}
        for key, shape in program.shapes.items():
            if key[0] in ("argument", "parameter") and len(shape) == 2:
                fixed[key] = (0, 1)
        for key, array in program.arrays.items():
            if key[0] != "result":
                continue
            like = gradients.get(key)
            shape = program.shapes[key] if len(key) == 2 else program.shapes[like or key]
            if len(shape) == 2:
                fixed[key] = _squeezed(shape)
            elif not array.letters:
                fixed[key] = (None, None)
            elif like is not None and len(shape) == 1:
                tied[key] = like
        used = {
            entry.array
            for array in program.arrays.values()
            for piece in array.pieces
            for entry in entries_of(piece.expression)
        }
        for like in tied.values():
            if like not in used:
                fixed[like] = (0, None)
        return fixed, tied

    def _known(self, program: ProgramFormulas, gradients: Mapping[Key, Key]) -> dict[Key, ShownSymbol]:
        """Return the symbols of arguments, parameters and results."""
        known = self._given()
        value = self._value_symbol({symbol.text for symbol in known.values()})
        results = [key for key in program.arrays if key[0] == "result"]
        for key in results:
            if key in gradients or key[1] in self.partial_of:
                of = (
                    known[gradients[key]]
                    if key in gradients
                    else self._element(*self.partial_of[key[1]], known)
                )
                known[key] = ShownSymbol(
                    rf"\frac{{\partial {value.latex}}}{{\partial {of.latex}}}", f"∂{value.text}/∂{of.text}"
                )
            elif self.value == key[1] or len(results) == 1:
                known[key] = value
            else:
                known[key] = ShownSymbol(f"{value.latex}_{{{key[1] + 1}}}", f"{value.text}_{key[1] + 1}")
        return known

    def _given(self) -> dict[Key, ShownSymbol]:
        """Return the symbols of arguments and parameters, no two of which are the same."""
        found: dict[Key, ShownSymbol] = {}
        longer: dict[Key, ShownSymbol] = {}
        for k, array in enumerate(self.outline):
            name = array.argument + array.path
            found["argument", k] = symbol_of("theta" if array.keys else name)
            as_it_is = ShownSymbol(rf"\text{{{latex_text(printable(name))}}}", printable(name))
            longer["argument", k] = symbol_of(f"theta_{name}") if array.keys else as_it_is
            for which, own in enumerate(self.parameters.get(k, ())):
                found["parameter", k, which] = own.symbol
                longer["parameter", k, which] = own.symbol_in(name)
        # x1 and x_1 are both x with a 1 below it, and two modules both have a W with a 1.
        counts = Counter(symbol.text for symbol in found.values())
        return {key: symbol if counts[symbol.text] == 1 else longer[key] for key, symbol in found.items()}

    def _element(self, k: int, position: int, known: Mapping[Key, ShownSymbol]) -> ShownSymbol:
        """Return the symbol of a parameter by its array."""
        for which, own in enumerate(self.parameters[k]):
            if position in own.positions:
                at = np.unravel_index(own.positions.index(position), own.shape or (1,))
                indices = [str(i + 1) for i, n in zip(at, own.shape, strict=False) if n > 1]
                return _element_of(known["parameter", k, which], indices)
        return _element_of(known["argument", k], [str(position + 1)])

    def _value_symbol(self, taken: set[str]) -> ShownSymbol:
        """Return what the value of the function is called."""
        name = getattr(self.f, "__name__", "f")
        by_kind = "L" if "loss" in name else "J" if "cost" in name else ""
        own = name if name.isidentifier() and len(name) <= 2 else ""
        for candidate in (self.names.result, by_kind, own, "f", "y", "F"):
            if candidate and candidate not in taken:
                return symbol_of(candidate)
        return symbol_of("result")

    def _sizes(self, plan: Plan, program: ProgramFormulas, classes: LetterClasses) -> LengthSymbols:
        """Return what lengths are called: as the user calls them, or by their numbers."""
        of_argument = {array.argument: k for k, array in enumerate(self.outline) if not array.path}
        by_class: dict[Letter, ShownSymbol] = {}
        named: dict[ShownSymbol, int] = {}
        by_place: dict[tuple[int, int], ShownSymbol] = {}
        for (argument, dimension), name in self.names.lengths.items():
            k = of_argument.get(argument)
            shape = self.outline[k].shape if k is not None else ()
            if k is None or dimension >= len(shape):
                continue
            symbol = symbol_of(name)
            by_place[k, dimension] = symbol
            letter = classes.of_dimension(("argument", k), dimension)
            named[symbol] = shape[dimension]
            if letter is not None:
                by_class.setdefault(letter, symbol)

        def of_axis(axis: int) -> ShownSymbol:
            length = plan.lengths[axis]
            if length.argument is not None and length.dimension is not None and not length.extra:
                own = by_place.get((length.argument, length.dimension))
                if own is not None:
                    return own
            is_only = len([one for one in plan.lengths if one.length is None]) == 1
            return symbol_of("n" if is_only else f"n{axis + 1}")

        def of_letter(letter: Letter) -> ShownSymbol:
            own = by_class.get(classes.of(letter))
            if own is None and letter.axis is not None:
                own = of_axis(letter.axis)
            if own is not None and not letter.extra:
                # Of a class, one may be longer than another: the states of a loop, and its steps.
                return own if letter.length in (None, named.get(own)) else _number(letter.length)
            if own is not None:
                return ShownSymbol(f"{own.latex} + {letter.extra}", f"{own.text} + {letter.extra}")
            return _number(letter.length)

        return LengthSymbols(of_letter, of_axis, named)

    def _notes(
        self,
        program: ProgramFormulas,
        backward: Mapping[Key, Backward],
        writer: FormulaWriter,
        symbols: Mapping[Hashable, ShownSymbol],
    ) -> list[str]:
        """Return what has to be said of the symbols."""
        found = []
        value = self._value_symbol({symbols["argument", k].text for k in range(len(self.outline))})
        used = {
            entry.array
            for array in program.arrays.values()
            for piece in array.pieces
            for entry in entries_of(piece.expression)
        }
        for key, flow in backward.items():
            if flow.number is not None and key in program.arrays:
                of = symbols[flow.of].text
                number = writer.indexed(times([flow.number, Entry(key)])).text
                found.append(f"{symbols[key].text} is what flows back: ∂{value.text}/∂{of} = {number}.")
        for key in program.constants:
            if key in used:
                found.append(f"{symbols[key].text} is {_shown(program.constants[key])}.")
        for k in self.parameters:
            if ("argument", k) in used:
                found.append(
                    f"{symbols['argument', k].text} is all parameters of {self.outline[k].argument}."
                )
        for k, arrays in self.parameters.items():
            found += [
                f"{symbols['parameter', k, which].text} is {own.path} of {self.outline[k].argument}."
                for which, own in enumerate(arrays)
                if ("parameter", k, which) in used
            ]
        return found


def _results_early(program: ProgramFormulas) -> ProgramFormulas:
    """Return the formulas with each result as soon as all is known that it is computed from."""
    waiting = {key: array for key, array in program.arrays.items() if key[0] == "result"}
    done: dict[Key, ArrayFormula] = {}

    def put_ready() -> None:
        for key in [*waiting]:
            needed = {e.array for piece in waiting[key].pieces for e in entries_of(piece.expression)}
            if all(other in done for other in needed if other[0] == "array"):
                done[key] = waiting.pop(key)

    put_ready()
    arrays = [array for key, array in program.arrays.items() if key[0] == "array"]
    for array, following in zip_longest(arrays, arrays[1:]):
        done[array.key] = array
        # What a loop computes stands together.
        if array.steps is None or following is None or following.steps is not array.steps:
            put_ready()
    return replace(program, arrays=done)


def _shown(constants: npt.NDArray[np.float64]) -> str:
    """Return constants as text; of many how many there are."""
    if constants.size <= _SHOWN:
        return np.array2string(constants, separator=", ", max_line_width=1000).replace("\n", "")
    sizes = "×".join(map(str, constants.shape))
    return f"an array of {sizes} constants, see f.source"


def _element_of(symbol: ShownSymbol, indices: Sequence[str]) -> ShownSymbol:
    return ShownSymbol(
        with_indices(symbol.latex, indices, latex=True), with_indices(symbol.text, indices, latex=False)
    )


def _number(length: int | None) -> ShownSymbol:
    return ShownSymbol(str(length), str(length))


def _squeezed(shape: Sequence[int | None]) -> Lines:
    """Return which of the dimensions of more than one element are rows and columns."""
    row, column = (n is None or n > 1 for n in shape)
    return (0 if row else None), ((1 if row else 0) if column else None)


def _equation(array: ArrayFormula, piece: ArrayPiece, layout: Callable[[Hashable], Lines]) -> Equation:
    lines = lines_of(array, piece, layout(array.key))
    step = None if array.steps is None else array.steps.letter
    if lines is None:
        return Equation(array, piece, None, None, None, step)
    row, column, fixed = lines
    try:
        tree: MatrixTree | None = matrix_form(piece.expression, row, column, layout, fixed)
    except NoMatrixFormError:
        tree = None
    return Equation(array, piece, row, column, tree, step)


def extents_of(program: ProgramFormulas) -> Callable[[Hashable, int], Extent]:
    """Return what tells how long a dimension of an array is: a number, a letter's length, or axes.

    Examples
    --------
    >>> program = ProgramFormulas(shapes={("argument", 0): (2, 3)})
    >>> extents_of(program)(("argument", 0), 1)
    3
    """

    def extent(key: Hashable, place: int) -> Extent:
        assert isinstance(key, tuple)
        if key in program.arrays:
            letter = program.arrays[key].letters[place]
            return letter if letter.length is None else letter.length
        if key in program.constants:
            constants: tuple[int, ...] = program.constants[key].shape
            return constants[place]
        length: int | None = program.shapes[key][place]
        axes = frozenset([axis for of, dimension, axis in program.along if (of, dimension) == (key, place)])
        return axes if length is None else length

    return extent


def _slopes(equations: Sequence[Equation]) -> list[str]:
    """Return the rows whose derivatives are named."""
    found = [
        part.word
        for equation in equations
        for part in walk(equation.piece.expression)
        if isinstance(part, SlopeOf)
    ]
    return [*dict.fromkeys(found)]


class _Lines:
    """Writes the lines of equations."""

    def __init__(self, writer: FormulaWriter) -> None:
        self.writer = writer

    def written(self, equations: Sequence[Equation], *, dimensions: bool) -> list[tuple[str, str]]:
        """Return all of them, and what the derivatives are that they name."""
        lines = [self._line(equation, dimensions=dimensions) for equation in equations]
        lines += [self._slope(word) for word in _slopes(equations)]
        return lines

    def _slope(self, word: str) -> tuple[str, str]:
        """Return what the derivative of a row is."""
        writer, x = self.writer, Entry(("argument of a rule",))
        writer.begin(None)
        with_x = replace(writer, symbols={**writer.symbols, x.array: ShownSymbol("x", "x")})
        return with_x.indexed(SlopeOf(word, x)).text, with_x.indexed(slope_formula(word, x)).text

    def _line(self, equation: Equation, *, dimensions: bool) -> tuple[str, str]:
        writer = self.writer
        symbol = writer.symbols[equation.array.key]
        writer.begin(equation.step)
        if equation.tree is not None:
            left = writer.part(Entry(equation.array.key, equation.piece.at))
            if dimensions and (equation.row or equation.column):
                left = rf"\underbrace{{{left}}}_{{{writer.shape(equation.row, equation.column)}}}"
            return left, writer.matrix(equation.tree).text
        left = writer.element(equation.array.key, equation.piece.at, symbol)
        return left, writer.indexed(equation.piece.expression).text
