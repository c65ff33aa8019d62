"""The symbols of formulas: names of the user, Greek letters, and names for what is computed."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ...ops.table import OPS
from ...printable import printable
from ...show.text.formulas import latex_name

_GREEK_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_SHORTENED = {"lam": "lambda", "lmbda": "lambda", "lambd": "lambda", "eps": "epsilon"}
_CAPITALS = ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"]


class ShownSymbol(NamedTuple):
    """A symbol in LaTeX and in plain text."""

    latex: str
    text: str


def with_indices(symbol: str, indices: Sequence[str], *, latex: bool) -> str:
    r"""Return the symbol of an element of an array.

    Examples
    --------
    >>> with_indices("W", ["1", "2"], latex=False), with_indices("w_{1}", ["i"], latex=True)
    ('W[1, 2]', '\\left[w_{1}\\right]_{i}')
    """
    if not indices:
        return symbol
    if not latex:
        return f"{symbol}[{', '.join(indices)}]"
    is_plain = "_" not in symbol and "^" not in symbol and r"\frac" not in symbol
    inside = ("" if all(len(index) == 1 for index in indices) else ",").join(indices)
    return f"{symbol}_{{{inside}}}" if is_plain else rf"\left[{symbol}\right]_{{{inside}}}"


def symbol_of(name: str) -> ShownSymbol:
    r"""Return the symbol of a name.

    Parameters
    ----------
    name : str
        A name of the user: any text.

    Examples
    --------
    >>> [symbol_of(name).latex for name in ("w", "W1", "A_prev", "lam", "theta_0", "dZ", "rate", "x_0_1")]
    ['w', 'W_{1}', 'A_{\\mathrm{prev}}', '\\lambda', '\\theta_{0}', 'dZ', '\\mathrm{rate}', 'x_{0, 1}']
    >>> symbol_of("lam").text, symbol_of("50%").latex
    ('λ', '\\text{50\\%}')
    """
    bare = name.rstrip("_") or name
    found = re.fullmatch(r"([A-Za-z]+?)(\d+|_[A-Za-z\d]+|(?:_\d+)+)?", bare)
    if found is None:
        return ShownSymbol(latex_name(name), printable(name))
    stem, below = found[1], (found[2] or "").strip("_").replace("_", ", ")
    latex, text = _stem(stem)
    if not below:
        return ShownSymbol(latex, text)
    inside = below if not below[0].isalpha() or len(below) == 1 else rf"\mathrm{{{below}}}"
    return ShownSymbol(f"{latex}_{{{inside}}}", f"{text}_{below.replace(', ', '_')}")


def _stem(stem: str) -> tuple[str, str]:
    greek = _SHORTENED.get(stem, stem)
    if greek in _GREEK_LETTERS:
        return f"\\{greek}", _GREEK_LETTERS[greek]
    if stem in _CAPITALS:
        return f"\\{stem}", _GREEK_LETTERS[stem.lower()].upper()
    if len(stem) == 1 or re.fullmatch("d[A-Za-z]", stem):
        return stem, stem
    return rf"\mathrm{{{stem}}}", stem


@dataclass
class SourceNames:
    """What the source of a function calls things.

    Attributes
    ----------
    lengths : dict of (str, int) to str
        The name of the length of a dimension of an argument.
    operands, values : dict of str to str
        For a row of the table what its argument is called, and what its value is.
    result : str
        What is returned, if that has a name.
    carried : list of str
        What functions call that loops carry: their first arguments, if these have names.
    lines : list of str
        The source.
    """

    lengths: dict[tuple[str, int], str] = field(default_factory=dict)
    operands: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    result: str = ""
    carried: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


_NOTED: WeakKeyDictionary[Callable[..., Any], SourceNames] = WeakKeyDictionary()


def note_source_names(f: Callable[..., Any], names: SourceNames) -> None:
    """Note what the source of a function calls things that is not there.

    Examples
    --------
    >>> def loaded(x):
    ...     raise TypeError
    >>> note_source_names(loaded, SourceNames(result="loss"))
    >>> source_names(loaded).result
    'loss'
    """
    _NOTED[f] = names


def source_names(f: Callable[..., Any]) -> SourceNames:
    """Return what the source of a function calls things; nothing where there is no source.

    Examples
    --------
    >>> source_names(len).lengths
    {}
    """
    # Of some callables there is no weak reference, and others have no hash.
    with suppress(TypeError):
        if (noted := _NOTED.get(f)) is not None:
            return noted
    found = SourceNames()
    try:
        text = textwrap.dedent(inspect.getsource(inspect.unwrap(f)))
    except (OSError, TypeError):
        return found
    found.lines = text.rstrip().splitlines()
    try:
        tree = ast.parse(text)
    except SyntaxError:
        # A lambda in the middle of an expression.
        return found
    for node in ast.walk(tree):
        match node:
            case ast.Assign([target], value):
                _note_assignment(target, value, found)
            case ast.Return(ast.Name(name)):
                found.result = name
    found.carried = _carried_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            word, operand = _row_called(node)
            if word and isinstance(operand, ast.Name):
                found.operands.setdefault(word, operand.id)
    return found


def _carried_names(tree: ast.Module) -> list[str]:
    """Return what the functions that `scan` and `fori_loop` call, call what they carry."""
    functions = {node.name: node.args for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(loop) | ast.Attribute(_, loop), [*args]) if loop in ("scan", "fori_loop"):
                place = 0 if loop == "scan" else 2
                own = args[place] if len(args) > place else None
                signature = own.args if isinstance(own, ast.Lambda) else None
                if isinstance(own, ast.Name):
                    signature = functions.get(own.id)
                names = [argument.arg for argument in signature.args] if signature else []
                found.append(names[0 if loop == "scan" else -1] if names else "")
    return found


def _note_assignment(target: ast.expr, value: ast.expr, found: SourceNames) -> None:
    match target, value:
        case ast.Name(name), ast.Call(ast.Name("len"), [ast.Name(argument)]):
            found.lengths[argument, 0] = name
        case ast.Name(name), ast.Subscript(
            ast.Attribute(ast.Name(argument), "shape"), ast.Constant(int(dimension))
        ):
            found.lengths[argument, dimension] = name
        case ast.Tuple(names), ast.Attribute(ast.Name(argument), "shape"):
            for dimension, item in enumerate(names):
                if isinstance(item, ast.Name) and item.id != "_":
                    found.lengths[argument, dimension] = item.id
        case ast.Name(name), ast.Call():
            word, _ = _row_called(value)
            if word:
                found.values.setdefault(word, name)


def _row_called(call: ast.expr) -> tuple[str, ast.expr | None]:
    """Return the row of the table that a call names, and its argument."""
    match call:
        case ast.Call(ast.Name(word), [operand]) if word in OPS:
            return word, operand
        case ast.Call(ast.Attribute(_, word), [operand]) if word in OPS:
            return word, operand
        case ast.Call(ast.Attribute(operand, word), []) if word in OPS:
            return word, operand
    return "", None


class FreshSymbols:
    """Gives names that no other has.

    Parameters
    ----------
    taken : iterable of str
        The names that there are.

    Examples
    --------
    >>> fresh = FreshSymbols(["Z"])
    >>> fresh.named("Z").latex, fresh.named("A").latex
    ('Z_{1}', 'A')
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {*taken}

    def named(self, name: str) -> ShownSymbol:
        """Return the symbol of a name, with a number if it is taken."""
        candidates = chain([name], (f"{name}{i}" for i in count(1)))
        found = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(found)
        return symbol_of(found)


@dataclass
class ParameterArray:
    """Parameters of a module that form an array.

    Attributes
    ----------
    symbol : ShownSymbol
        What it is called.
    path : str
        Their names, with a dot in the place of each index.
    shape : tuple of int
        Its shape.
    positions : list of int
        Where they stand among all parameters, the last index varying fastest.
    """

    symbol: ShownSymbol
    path: str
    shape: tuple[int, ...]
    positions: list[int]

    def symbol_in(self, module: str) -> ShownSymbol:
        """Return what it is called where another module has an array of the same name.

        Examples
        --------
        >>> ParameterArray(symbol_of("W1"), "layers.0.w[·]", (2,), [0, 1]).symbol_in("net").text
        'W_net1'
        """
        stem, _, number = self.symbol.text.partition("_")
        return symbol_of(f"{stem}_{module}{number}")


def parameter_arrays(names: Sequence[str]) -> list[ParameterArray]:
    """Return the arrays that the parameters of a module form by their names.

    Examples
    --------
    >>> names = [f"layers.{l}.neurons.{j}.{p}" for l in (0, 1) for j in (0, 1) for p in ("w[0]", "w[1]", "b")]
    >>> [(array.symbol.text, array.path, array.shape) for array in parameter_arrays(names)][:2]
    [('W_1', 'layers.0.neurons.·.w[·]', (2, 2)), ('b_1', 'layers.0.neurons.·.b', (2,))]
    """
    groups: dict[tuple[str, ...], list[tuple[tuple[int, ...], int]]] = {}
    for position, name in enumerate(names):
        pieces = re.split(r"(\d+)", name)
        groups.setdefault(tuple(pieces[::2]), []).append((tuple(map(int, pieces[1::2])), position))
    prefixes = {
        texts[0]
        for texts, members in groups.items()
        if len(texts) > 3 or not _is_grid([numbers for numbers, _ in members])
    }
    found: list[ParameterArray] = []
    for texts, members in groups.items():
        parts: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
        split = 1 if texts[0] in prefixes and len(texts) > 1 else 0
        for numbers, position in members:
            parts.setdefault(numbers[:split], []).append((numbers[split:], position))
        for outer, inside in parts.items():
            if _is_grid([numbers for numbers, _ in inside]) and len(inside[0][0]) <= 2:
                found.append(_parameter_array(texts, outer, inside))
    found.sort(key=lambda array: min(array.positions))
    return found


def _is_grid(numbers: Sequence[tuple[int, ...]]) -> bool:
    size = 1
    for column in zip(*numbers, strict=True):
        if {*column} != {*range(len({*column}))}:
            return False
        size *= len({*column})
    return size == len(numbers)


def _parameter_array(
    texts: tuple[str, ...], outer: tuple[int, ...], members: list[tuple[tuple[int, ...], int]]
) -> ParameterArray:
    members = sorted(members)
    shape = tuple([len({*column}) for column in zip(*[numbers for numbers, _ in members], strict=True)])
    indices = iter([*map(str, outer), *["·"] * len(shape)])
    path = "".join([text + next(indices, "") for text in texts])
    words = re.findall("[A-Za-z]+", path)
    name = words[-1] if words else "p"
    name = name.upper() if len(shape) == 2 and len(name) == 1 else name
    number = str(outer[0] + 1) if outer else ""
    return ParameterArray(symbol_of(name + number), path, shape, [position for _, position in members])


def letters_for_indices() -> Iterable[str]:
    """Yield names for indices.

    Examples
    --------
    >>> letters = iter(letters_for_indices())
    >>> [next(letters) for _ in range(3)]
    ['i', 'j', 'k']
    """
    yield from "ijklpqrst"
    yield from (f"i{number}" for number in count(1))
