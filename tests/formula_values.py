"""Evaluates the equations of a compiled function as they are written, to compare them with its results.

It knows nothing of the compiler's programs: matrices are multiplied by ``@``, what is element by element is
broadcast as the equations say, and in index notation each letter is an axis.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np

import autograd
from autograd.compiler.latex import index_notation as by_index
from autograd.compiler.latex import matrices as by_matrix
from autograd.compiler.latex.equations import Equation, Equations, extents_of
from autograd.compiler.latex.recognition import slope_formula
from autograd.compiler.latex.writing import is_all

COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
FOLDS: dict[str, Callable[[Any, Any], Any]] = {
    "logsumexp": lambda x, axis: np.logaddexp.reduce(x, axis=axis, keepdims=True),
    "prod": lambda x, axis: np.prod(x, axis=axis, keepdims=True),
    "norm": lambda x, axis: np.sqrt((x * x).sum(axis=axis, keepdims=True)),
    "max": lambda x, axis: np.max(x, axis=axis, keepdims=True),
    "min": lambda x, axis: np.min(x, axis=axis, keepdims=True),
    "hypot": lambda x, axis: np.hypot.reduce(x, axis=axis, keepdims=True),
    "mul": lambda x, axis: np.prod(x, axis=axis, keepdims=True),
    "logaddexp": lambda x, axis: np.logaddexp.reduce(x, axis=axis, keepdims=True),
}


def values_of(equations: Equations, arrays: Sequence[Any]) -> dict[Any, Any]:
    """Return the value of each array that the equations define, by its key."""
    return _Evaluator(equations, arrays).values()


def results_of(equations: Equations, arrays: Sequence[Any]) -> dict[int, Any]:
    """Return the results by number; the gradient of a module as one vector."""
    found: dict[int, Any] = {}
    for key, value in values_of(equations, arrays).items():
        if key[0] != "result":
            continue
        if len(key) == 2:
            before, found[key[1]] = found.get(key[1]), value
            if before is not None:
                found[key[1]] = np.where(np.isnan(before), value, before)
            continue
        k = equations.gradients[key[1]]
        flat = found.setdefault(key[1], np.full(np.shape(arrays[k]), np.nan))
        flat[equations.parameters[k][key[2]].positions] = np.ravel(value)
    return found


class _Evaluator:
    """Evaluates equations in their order."""

    def __init__(self, equations: Equations, arrays: Sequence[Any]) -> None:
        self.equations, self.at_step = equations, dict[Any, int]()
        self.extents = extents_of(equations.program)
        self.known: dict[Any, Any] = {("argument", k): np.asarray(a, float) for k, a in enumerate(arrays)}
        for key, constants in equations.program.constants.items():
            self.known[key] = constants
        for k, owned in equations.parameters.items():
            for which, own in enumerate(owned):
                flat = self.known["argument", k][own.positions]
                self.known["parameter", k, which] = flat.reshape(own.shape)

    def values(self) -> dict[Any, Any]:
        """Return the values of what the equations define; what a loop computes, step by step."""
        for steps, group in groupby(self.equations.equations, lambda equation: equation.array.steps):
            equations = [*group]
            if steps is None:
                self.evaluate(equations)
                continue
            begins = [one for one in equations if steps.letter not in letters_at(one.piece.at)]
            self.evaluate(begins)
            count = range(self.length(steps.letter))
            for step in reversed(count) if steps.is_reversed else count:
                self.at_step = {steps.letter: step}
                self.evaluate([one for one in equations if one not in begins])
            self.at_step = {}
        return {key: value for key, value in self.known.items() if key[0] in ("array", "result")}

    def evaluate(self, equations: Sequence[Equation]) -> None:
        """Evaluate some equations in their order."""
        for equation in equations:
            array, piece = equation.array, equation.piece
            sizes = tuple([self.length(letter) for letter in array.letters])
            if equation.tree is not None:
                shape = self.length(equation.row), self.length(equation.column)
                value = np.asarray(self.matrix(equation.tree), float)
                if equation.tree == by_index.Numeral(0.0):
                    value = np.zeros(shape)
                assert value.shape == shape
                letters = [letter for letter in (equation.row, equation.column) if letter is not None]
                value = value.reshape([self.length(letter) for letter in letters])
            else:
                letters = [letter for letter in letters_at(piece.at) if letter not in self.at_step]
                value = self.indexed(piece.expression, letters)
            whole = self.known.setdefault(array.key, np.full(sizes, np.nan))
            where = tuple(
                [self.positions(index, letters, n) for index, n in zip(piece.at, sizes, strict=True)]
            )
            whole[where] = np.broadcast_to(value, [self.length(letter) for letter in letters])

    def length(self, letter: Any) -> int:
        if letter is None:
            return 1
        return self.axis(letter.axis) + letter.extra if letter.length is None else int(letter.length)

    def axis(self, number: int) -> int:
        length = self.equations.program.axes[number]
        if length.argument is None:
            assert length.length is not None
            return length.length
        return int(self.known["argument", length.argument].shape[length.dimension] + length.extra)

    def positions(self, index: Any, letters: Sequence[Any], length: int) -> Any:
        """Return an index for each value of some letters, one axis each."""

        def along(letter: Any) -> Any:
            if letter in self.at_step:
                return self.at_step[letter]
            place = letters.index(letter)
            return np.arange(self.length(letter)).reshape(
                [-1 if d == place else 1 for d in range(len(letters))]
            )

        if isinstance(index, by_index.Letter):
            return along(index)
        if isinstance(index, by_index.Listing):
            table = np.array(index.positions).reshape(index.lengths)
            return table[tuple([along(letter) for letter in index.letters])]
        start = index.start + length if index.start < 0 and not index.steps else index.start
        return start + sum([step * along(letter) for letter, step in index.steps])

    # ---------------------------------------------------------------------------------------- with indices

    def indexed(self, expression: Any, letters: Sequence[Any]) -> Any:
        """Return the value of a formula in index notation, with an axis for each letter."""
        match expression:
            case by_index.Numeral(number):
                return number
            case by_index.AxisSize(axis):
                return float(self.axis(axis))
            case by_index.LetterValue(letter):
                return np.asarray(self.positions(letter, letters, 0), float)
            case by_index.Entry(key, at, is_padded):
                array = self.known[key]
                assert array.ndim == len(at)
                if not at:
                    return array
                where = [self.positions(i, letters, n) for i, n in zip(at, array.shape, strict=True)]
                if is_padded:
                    inside = [(i >= 0) & (i < n) for i, n in zip(where, array.shape, strict=True)]
                    if not array.size:
                        return np.zeros(np.broadcast_shapes(*map(np.shape, where)))
                    found = array[
                        tuple([np.clip(i, 0, n - 1) for i, n in zip(where, array.shape, strict=True)])
                    ]
                    return np.where(functools.reduce(np.logical_and, inside), found, 0.0)
                return array[tuple(where)]
            case by_index.Applied(word, operands):
                return applied(word, [self.indexed(operand, letters) for operand in operands])
            case by_index.SlopeOf(word, operand):
                return slope(word, self.indexed(operand, letters))
            case by_index.SumOf(terms):
                return sum([self.indexed(term, letters) for term in terms])
            case by_index.ProductOf(number, factors):
                return product(number, [(self.indexed(base, letters), power) for base, power in factors])
            case by_index.SoftmaxOf(letter, body, at):
                value = self.indexed(body, [*letters, letter])
                full = np.broadcast_to(value, [self.length(one) for one in (*letters, letter)])
                chosen = np.broadcast_to(self.positions(at, letters, full.shape[-1]), full.shape[:-1])
                return np.take_along_axis(softmax(full, -1), chosen[..., None], axis=-1)[..., 0]
            case by_index.SumOver(own, body) | by_index.FoldOver(_, own, body):
                more = [letter for letter in letters if letter not in own]
                value = self.indexed(body, [*more, *own])
                full = np.broadcast_to(value, [self.length(letter) for letter in (*more, *own)])
                axes = tuple(range(len(more), full.ndim))
                if isinstance(expression, by_index.SumOver):
                    total = full.sum(axis=axes)
                else:
                    flat = full.reshape(*full.shape[: len(more)], -1)
                    total = FOLDS[expression.word](flat, -1)[..., 0]
                shape = [self.length(letter) if letter in more else 1 for letter in letters]
                return np.asarray(total).reshape(shape)
        raise AssertionError(expression)

    # ---------------------------------------------------------------------------------------- with matrices

    def matrix(self, tree: Any) -> Any:
        """Return the value of a formula of matrices, which has rows and columns."""
        match tree:
            case by_index.Numeral(number):
                return np.full((1, 1), number)
            case by_index.AxisSize(axis):
                return np.full((1, 1), float(self.axis(axis)))
            case by_matrix.ArrayTerm():
                return self.array(tree)
            case by_matrix.Ones(letter, is_row):
                ones = np.ones((self.length(letter), 1))
                return ones.T if is_row else ones
            case by_matrix.ElementwiseCall(word, operands):
                return applied(word, [self.matrix(operand) for operand in operands])
            case by_matrix.ElementwiseSlope(word, operand):
                return slope(word, self.matrix(operand))
            case by_matrix.MatrixSum(terms):
                return sum([self.matrix(term) for term in terms])
            case by_matrix.ElementwiseProduct(number, factors):
                return product(number, [(self.matrix(base), power) for base, power in factors])
            case by_matrix.MatrixProduct(factors):
                value = self.matrix(factors[0])
                for factor in factors[1:]:
                    value = value @ self.matrix(factor)
                return value
            case by_matrix.IndexedSum(total):
                return np.asarray(self.indexed(total, [])).reshape(1, 1)
            case by_matrix.FoldAlong(word, operand, is_over_rows, is_over_columns):
                axes = (*([0] if is_over_rows else []), *([1] if is_over_columns else []))
                value = self.matrix(operand)
                if word == "softmax":
                    return softmax(value, axes)
                if len(axes) == 2:
                    return FOLDS[word](value.reshape(1, -1), 1)
                return FOLDS[word](value, axes[0])
        raise AssertionError(tree)

    def is_shown_whole(self, entry: Any, place: int) -> bool:
        """Return whether a dimension is shown without a range."""
        step = next(iter(self.at_step), None)
        return is_all(entry.at[place], self.extents(entry.array, place), step)

    def array(self, term: Any) -> Any:
        """Return what a symbol stands for, with its indices and its sign of transposition."""
        entry, (row, column) = term.entry, self.equations.layout(term.entry.array)
        array = self.known[entry.array]
        order = [place for place in (row, column) if place is not None]
        assert array.ndim == len(order)
        matrix = array.transpose(order).reshape(
            array.shape[row] if row is not None else 1, array.shape[column] if column is not None else 1
        )
        for axis, place in enumerate((row, column)):
            if place is not None:
                letters = [one for one in by_index.letters_in(entry.at[place]) if one not in self.at_step]
                chosen = self.positions(entry.at[place], letters, array.shape[place])
                if self.is_shown_whole(entry, place):
                    assert np.array_equal(np.atleast_1d(chosen), np.arange(array.shape[place]))
                matrix = matrix.take(np.atleast_1d(chosen), axis=axis)
        return matrix.T if term.is_transposed else matrix


def letters_at(at: Sequence[Any]) -> list[Any]:
    """Return the letters of some indices."""
    return [*dict.fromkeys(letter for index in at for letter in by_index.letters_in(index))]


def softmax(numbers: Any, axis: Any) -> Any:
    """Return exponentials divided by their sum along some axes."""
    exponentials = np.exp(numbers - numbers.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def product(number: float, factors: Sequence[tuple[Any, int]]) -> Any:
    """Return a number times powers."""
    found: Any = number
    for base, power in factors:
        found = found * np.asarray(base, float) ** float(power)
    return found


def applied(word: str, operands: Sequence[Any]) -> Any:
    """Return an operation of the table on arrays."""
    if word in COMPARISONS:
        return np.asarray(COMPARISONS[word](*operands), float)
    if word == "where":
        return np.where(np.asarray(operands[0]) != 0, operands[1], operands[2])
    if word in ("floordiv", "mod"):
        quotient = np.floor_divide if word == "floordiv" else np.remainder
        return quotient(*[np.asarray(operand, float) for operand in operands])
    if word == "pow":
        return np.asarray(operands[0], float) ** np.asarray(operands[1], float)
    if word in FOLDS and (len(operands) > 2 or word in ("logsumexp", "prod", "norm")):
        return FOLDS[word](np.stack(np.broadcast_arrays(*operands)), 0)[0]
    return np.asarray(getattr(autograd, word)(*[np.asarray(operand, float) for operand in operands]), float)


def slope(word: str, operand: Any) -> Any:
    """Return the derivative of a row, as the line below the equations has it."""
    x = by_index.Entry("x")

    def value(part: Any) -> Any:
        match part:
            case by_index.Entry("x"):
                return np.asarray(operand, float)
            case by_index.Numeral(number):
                return number
            case by_index.Applied(own, operands):
                return applied(own, [value(item) for item in operands])
            case by_index.SumOf(terms):
                return sum([value(term) for term in terms])
            case by_index.ProductOf(number, factors):
                return product(number, [(value(base), power) for base, power in factors])
        raise AssertionError(part)

    return value(slope_formula(word, x))
