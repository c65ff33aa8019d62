"""The memory that a program computes in, which its caller gives it: where each array stands in it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping

Amount = Counter[tuple[str, ...]]
"""A sum of products: how often each product of names is taken; that of none is 1."""


def amount_of(node: ast.expr, names: Mapping[str, Amount]) -> Amount:
    """Return a sum of products of whole numbers and lengths.

    Parameters
    ----------
    node : ast.expr
        The expression.
    names : mapping of str to Amount
        What its names are.

    Examples
    --------
    >>> node = ast.parse("(length0 + 1) * 3 * length0", mode="eval").body
    >>> text_of_amount(amount_of(node, {"length0": Counter({("n",): 1})}))
    '3 * n + 3 * n * n'
    """
    match node:
        case ast.Constant(value=int(number)):
            return Counter({(): number})
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _sum(amount_of(left, names), amount_of(right, names))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(amount_of(left, names), amount_of(right, names))
    raise TypeError(f"expected sums and products of lengths, got {ast.unparse(node)}")


def _sum(left: Amount, right: Amount) -> Amount:
    found = Counter(left)
    found.update(right)
    return found


def _product(left: Amount, right: Amount) -> Amount:
    found: Amount = Counter()
    for one, count in left.items():
        for other, times in right.items():
            found[tuple(sorted(one + other))] += count * times
    return found


def text_of_amount(amount: Amount) -> str:
    """Return an amount as C writes it.

    Examples
    --------
    >>> text_of_amount(Counter({(): 24, ("n",): 1, ("m", "n"): 2}))
    '24 + n + 2 * m * n'
    """
    terms = []
    for names, count in sorted(amount.items(), key=lambda term: (len(term[0]), term[0])):
        if count:
            terms.append(" * ".join([*([str(count)] if count != 1 or not names else []), *names]))
    return " + ".join(terms).replace("+ -", "- ") or "0"


class Workspace:
    """The parts of a memory, one after the other.

    Parameters
    ----------
    size : int
        How many numbers the first part has, which are there whatever the lengths are.

    Examples
    --------
    >>> workspace = Workspace(16)
    >>> [workspace.taken(Counter({("n",): 2})) for _ in range(2)], workspace.size
    (['16', '16 + 2 * n'], '16 + 4 * n')
    """

    def __init__(self, size: int = 0) -> None:
        self._used: Amount = Counter({(): size})

    def taken(self, amount: Amount) -> str:
        """Return where a new part begins."""
        start = self.size
        self._used = _sum(self._used, amount)
        return start

    @property
    def size(self) -> str:
        """How many numbers there are."""
        return text_of_amount(self._used)
