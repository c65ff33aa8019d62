"""Make identifiers of the names of arguments, as close to them as Python and the program allow."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ...ops.table import OPS

_OWN = frozenset(
    {"np", "program", "runs", "rule", "rows", "target", "operands", "memory", "numbers", "kept"}
    | {"unpacked", "base64", "zlib", "math", "elementwise", "along", "strided", "n", "by_blocks", "of_block"}
    | {"jax", "jnp", "functools", "dtype", "flat", "first_of", "apart", "distance", "products_of_others"}
    | {"with_partials", "picked", "added_up"}
    | OPS.keys()
    | {op.ufunc.__name__ for op in OPS.values() if op.ufunc is not None}
    | set(dir(builtins))
)
_OWN_NUMBERED = re.compile(r"(v|c|i|n|t|result)\d+|\w+_(along|of)")


def identifiers(names: Sequence[str]) -> list[str]:
    """Return distinct identifiers, none of which a program uses itself.

    Python reads ``𝑣1`` and ``v1`` as one name: it normalises what it reads (NFKC), so names are compared
    as it reads them.

    Parameters
    ----------
    names : sequence of str
        Labels, which may be any text.

    Returns
    -------
    list of str
        A name for each, as much like it as may be.

    Examples
    --------
    >>> identifiers(["w[0]", "v1", "𝑣1", "x²", "½", "class", "np"])
    ['w_0', 'v1_', 'v1__2', 'x2', 'x1_2', 'class_', 'np_']
    """
    found: dict[str, None] = {}
    uses: Counter[str] = Counter()
    for name in names:
        text = candidate = _identifier(name)
        while candidate in found:
            uses[text] += 1
            candidate = f"{text}_{uses[text] + 1}"
        found[candidate] = None
    return list(found)


def is_own(name: str) -> bool:
    """Return whether a name is a keyword, a builtin, or used by programs themselves.

    Examples
    --------
    >>> [is_own(name) for name in ("v1", "sigmoid", "lambda", "rate")]
    [True, True, True, False]
    """
    return keyword.iskeyword(name) or name in _OWN or _OWN_NUMBERED.fullmatch(name) is not None


def _identifier(name: str) -> str:
    """Return the identifier closest to a name."""
    letters = (c if f"x{c}".isidentifier() else "_" for c in unicodedata.normalize("NFKC", name))
    text = re.sub("_+", "_", "".join(letters)).strip("_")
    # Once more, since a letter may combine with a mark that it did not stand beside.
    text = unicodedata.normalize("NFKC", text if text.isidentifier() else f"x{text}")
    return f"{text}_" if is_own(text) else text
