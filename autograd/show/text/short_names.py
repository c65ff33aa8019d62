"""Short names for the parameters of a network: a letter with indices instead of a path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from ...engine.value import Value

_ABOVE = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

# A path, such as "layers.0.neurons.2.", the name of a parameter, and its indices, such as "[0, 1]".
_PARAMETER = r"((?:[A-Za-z0-9_]+\.)+)([A-Za-z_][A-Za-z0-9_]*)((?:\[[0-9, ]+\])*)"


class Symbol(str):
    r"""A name as mathematics writes it.

    Attributes
    ----------
    latex : str
        Its form in LaTeX.

    Examples
    --------
    >>> symbol = Symbol("w₀", "w_{0}")
    >>> symbol, symbol.latex
    ('w₀', 'w_{0}')
    """

    __slots__ = ("latex",)

    latex: str

    def __new__(cls, text: str, latex: str) -> Symbol:
        """Return a text with a form in LaTeX."""
        symbol = super().__new__(cls, text)
        symbol.latex = latex
        return symbol


def short_names(name_of: Mapping[Value, str]) -> dict[Value, str]:
    """Return the names of nodes, those of parameters of a network as symbols.

    The first number of a path is the layer, which stands above and is counted from 1, since the inputs are
    layer 0. The other numbers stand below: the neuron and the input, counted from 0 as in Python.

    Parameters
    ----------
    name_of : mapping of Value to str
        The name of each node.

    Returns
    -------
    dict
        The short name of each node; names that would become equal to others stay as they are.

    Examples
    --------
    >>> list(short_names({Value(1.0): "layers.0.neurons.2.w[1]", Value(2.0): "x"}).values())
    ['w¹₂₁', 'x']
    """
    symbols = {name: _symbol(name) for name in set(name_of.values())}
    taken = Counter(symbol or name for name, symbol in symbols.items())
    found = {name: symbol for name, symbol in symbols.items() if symbol is not None and taken[symbol] == 1}
    return {node: found.get(name, name) for node, name in name_of.items()}


def legend(names: Iterable[str], short: Iterable[str]) -> list[tuple[str, str]]:
    """Return an example of each kind of symbol, and what it stands for.

    Parameters
    ----------
    names, short : iterable of str
        Names, and their short forms.

    Returns
    -------
    list of (str, str)
        The first symbol of each kind of parameter, and its name.

    Examples
    --------
    >>> names = ["layers.0.neurons.0.w[0]", "layers.1.neurons.0.w[0]", "layers.0.neurons.0.b"]
    >>> legend(names, short_names({Value(0.0): name for name in names}).values())
    [('w¹₀₀', 'layers.0.neurons.0.w[0]'), ('b¹₀', 'layers.0.neurons.0.b')]
    """
    found: dict[str, tuple[str, str]] = {}
    for name, symbol in zip(names, short, strict=True):
        if isinstance(symbol, Symbol):
            found.setdefault(re.sub("[0-9]+", "#", name), (symbol, name))
    return list(found.values())


def _symbol(name: str) -> Symbol | None:
    match = re.fullmatch(_PARAMETER, name)
    if match is None:
        return None
    path, stem, indices = match.groups()
    above, *below = [part for part in path.split(".") if part.isdecimal()] or [""]
    below += re.findall("[0-9]+", indices)
    layer = str(int(above) + 1) if above else ""
    is_short = all(len(number) == 1 for number in below)
    lower = "".join(below).translate(_BELOW) if is_short else f"[{','.join(below)}]"
    escaped = stem.replace("_", r"\_")
    latex = stem if len(stem) == 1 else rf"\mathrm{{{escaped}}}"
    latex += f"^{{({layer})}}" if layer else ""
    separator = "" if is_short else ","
    latex += f"_{{{separator.join(below)}}}" if below else ""
    return Symbol(stem + layer.translate(_ABOVE) + lower, latex)
