"""Reductions as loops, or written out, by the accumulators of their rows.

A row without accumulators is called in Python (`functions`): only that row is slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from ...ops.renderer import Term, number_text
from ...ops.rule import Application, Rule
from ...ops.table import Accumulator, Op, Reduction
from ..passes.products import SUMS
from .loop_rules import LOOPS


@cache
def reduction_of(op: Op) -> Reduction | None:
    """Return how loops reduce by a row, also by one of two operands that folds many.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> reduction_of(OPS["max"]).accumulators[0].step
    Rule('max(total, x)')
    """
    if op.folds is None:
        return op.reduction
    return Reduction((Accumulator("total", op.folds, Rule(f"{op.name}(total, x)")),), Rule("total"))


def written_out(op: Op, texts: Sequence[str], names: Iterator[str], before: dict[str, str]) -> str:
    """Return a reduction of operands that are known by name.

    Parameters
    ----------
    op : Op
        The row.
    texts : sequence of str
        Its operands.
    names : iterator of str
        New names.
    before : dict
        To which what has to be computed first is added.

    Returns
    -------
    str
        An expression.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> written_out(OPS["sum"], ["a", "b"], iter([]), {})
    '0.0 + a + b'
    """
    reduction = reduction_of(op)
    columns = [texts] if op.folds is not None else op.columns(texts)
    if reduction is None:
        rows = [_named(Term(f"np.array(({', '.join(column)},))"), names, before) for column in columns]
        return _called(op, [row.text for row in rows], len(texts) // len(rows))
    known: dict[str, Term] = {}
    for accumulator in reduction.accumulators:
        found = number_text(accumulator.start)
        for element in zip(*columns, strict=True):
            terms = dict(zip(op.parameters, map(Term, element), strict=False))
            found = LOOPS.term(accumulator.step, {**known, **terms, accumulator.name: found})
            if not _is_used_once(accumulator):
                found = _named(found, names, before)
        is_only = len(reduction.accumulators) == 1
        known[accumulator.name] = found if is_only or found.text in before else _named(found, names, before)
    return LOOPS.term(reduction.result, known).text


def _named(term: Term, names: Iterator[str], before: dict[str, str]) -> Term:
    name = next(names)
    before[name] = term.text
    return Term(name)


def _is_used_once(accumulator: Accumulator) -> bool:
    """Return whether a step writes its accumulator once, as a sign does, so that steps can be nested."""
    tree = accumulator.step.tree
    return isinstance(tree, Application) and tree.word in ("add", "mul")


def over_row(op: Op, name: str, texts: Mapping[str, str], index: str, length: int | str) -> list[str]:
    r"""Return the lines that reduce a row of an array.

    Parameters
    ----------
    op : Op
        The row of the table.
    name : str
        What to call the result; other names begin with it.
    texts : mapping of str to str
        For each argument an element of the row, in the index of the loop.
    index : str
        The index.
    length : int
        How many elements there are.

    Returns
    -------
    list of str
        Lines of Python. Sums may be added up in any order, and their products be rounded once with them.

    Examples
    --------
    >>> from ...ops.table import OPS
    >>> print("\n".join(over_row(OPS["prod"], "v", {"x": "w[i]"}, "i", 9)))
    v_total = 1.0
    for i in range(9):
        v_x = w[i]
        v_total = v_total * v_x
    v = v_total
    >>> print("\n".join(over_row(OPS["dot"], "v", {"x": "w[i]", "y": "w[i + 9]"}, "i", 9)))
    v = 0.0
    for i in range(9):
        v = add_product(v, w[i], w[i + 9])
    """
    inner = f"for {index} in range({length}):"
    if op in SUMS:
        adding = "add" if len(texts) == 1 else "add_product"
        return [f"{name} = 0.0", inner, f"    {name} = {adding}({', '.join([name, *texts.values()])})"]
    elements = {parameter: f"{name}_{parameter}" for parameter in texts}
    reduction = reduction_of(op)
    if reduction is None:
        lines = [f"{row} = np.empty({length})" for row in elements.values()]
        lines += [
            inner,
            *(f"    {elements[parameter]}[{index}] = {text}" for parameter, text in texts.items()),
        ]
        return [*lines, f"{name} = {_called(op, [*elements.values()], length)}"]
    known = {accumulator.name: f"{name}_{accumulator.name}" for accumulator in reduction.accumulators}
    lines = []
    for group in _together(reduction.accumulators):
        lines += [
            f"{known[accumulator.name]} = {number_text(accumulator.start).text}" for accumulator in group
        ]
        lines += [inner, *(f"    {elements[parameter]} = {text}" for parameter, text in texts.items())]
        for accumulator in group:
            step = LOOPS.write(accumulator.step, {**known, **elements})
            lines.append(f"    {known[accumulator.name]} = {step}")
    return [*lines, f"{name} = {LOOPS.write(reduction.result, known)}"]


def _called(op: Op, rows: Sequence[str], length: int | str) -> str:
    """Return the call of Python's function of a row, which takes where the numbers stand, and how many."""
    return f"python_{op.name}({', '.join(f'{row}.ctypes.data' for row in rows)}, {length})"


def _together(accumulators: Sequence[Accumulator]) -> list[list[Accumulator]]:
    """Return which accumulators share a loop: those that need no other that is worked out in it."""
    groups: list[list[Accumulator]] = []
    for accumulator in accumulators:
        if groups and not {other.name for other in groups[-1]} & {*accumulator.step.names}:
            groups[-1].append(accumulator)
        else:
            groups.append([accumulator])
    return groups
