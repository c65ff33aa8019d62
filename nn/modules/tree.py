"""The text of a module: a line for itself and for each module in it, with the number of parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from autograd.printable import printable

from .names import name_of
from .walk import is_module

if TYPE_CHECKING:
    from .module import Module

_MOST_LINES = 40

_LONGEST = 80


class _Line(NamedTuple):
    """A line: how deep its part stands, its name, what it is, and the module whose parameters it counts."""

    depth: int
    name: str
    text: str
    module: Module | None = None


def tree(module: Module) -> str:
    """Return the text of a module.

    Parameters
    ----------
    module : Module
        The module.

    Returns
    -------
    str
        A line for each module. Neighbours that are alike share one, and the middle of a long text is left
        out.

    Examples
    --------
    >>> from nn import MLP
    >>> print(tree(MLP(2, [16, 16, 1])))
    MLP: 337 parameters
      layers.0: Layer(2, 16, 'tanh'), 48 parameters
      layers.1: Layer(16, 16, 'tanh'), 272 parameters
      layers.2: Layer(16, 1, 'linear'), 17 parameters
    """
    groups = list(_groups(_lines(module)))
    # To count the parameters of modules that are nested deeply takes long, so only those that are shown.
    half = (_MOST_LINES - 1) // 2
    left_out = len(groups) - 2 * half
    shown = list(map(_text, groups if left_out <= 1 else groups[:half]))
    if left_out > 1:
        shown += [f"  ... {left_out} more lines; see summary()", *map(_text, groups[-half:])]
    return "\n".join([f"{title(module)}: {counted(len(module.parameters()))}", *shown])


def title(module: Module) -> str:
    """Return what a module is, without what is in it.

    Examples
    --------
    >>> from nn import MLP, Neuron
    >>> title(Neuron(2)), title(MLP(2, [1]))
    ("Neuron(2, 'tanh')", 'MLP')
    """
    if not _is_by_tree(module):
        text = printable(repr(module).splitlines()[0])
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    extra = module.extra_repr()
    return printable(f"{type(module).__name__}({extra})" if extra else type(module).__name__)


def counted(parameters: int) -> str:
    """Return a number of parameters in words.

    Examples
    --------
    >>> counted(1), counted(2000)
    ('1 parameter', '2,000 parameters')
    """
    return f"{parameters:,} parameter{'s' * (parameters != 1)}"


def _lines(root: Module) -> Iterator[_Line]:
    seen: dict[int, str] = {id(root): "the whole"}
    inside = [] if root.is_shown_whole else [*root._shown_parts()]
    stack = [(1, name, part) for name, part in reversed(inside)]
    while stack:
        depth, name, part = stack.pop()
        if not is_module(part):
            yield _Line(depth, name, name_of(part))
        elif id(part) in seen:
            yield _Line(depth, name, f"the same as {seen[id(part)]}")
        else:
            seen[id(part)] = name
            yield _Line(depth, name, title(part), part)
            if not part.is_shown_whole:
                inner = [(depth + 1, inner, item) for inner, item in part._shown_parts()]
                stack += reversed(inner)


def _groups(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Yield lines together that share one: neighbours that are alike, whose names are numbered."""
    group: list[_Line] = []
    for line in lines:
        if group and not _continues(group[-1], line):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _continues(line: _Line, after: _Line) -> bool:
    if line.module is None or after.module is None or (line.depth, line.text) != (after.depth, after.text):
        return False
    (stem, number), (other, next_number) = _numbered(line.name), _numbered(after.name)
    if stem != other or number is None or next_number != number + 1:
        return False
    return len(line.module.parameters()) == len(after.module.parameters())


def _numbered(name: str) -> tuple[str, int | None]:
    stem, _, number = name.rpartition(".")
    return stem, int(number) if number.isdecimal() else None


def _text(group: list[_Line]) -> str:
    first, last = group[0], group[-1]
    name = first.name if len(group) == 1 else f"{first.name} to {last.name}, each"
    parameters = "" if first.module is None else f", {counted(len(first.module.parameters()))}"
    return printable(f"{'  ' * first.depth}{name}: {first.text}{parameters}")


def _is_by_tree(module: Module) -> bool:
    """Return whether the `repr` of a module is the one that all modules have, and not one of its class."""
    base = next(base for base in type(module).__mro__ if "__repr__" in vars(base))
    return "named_modules" in vars(base)
