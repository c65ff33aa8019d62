"""Interpret a table of arrays with Numba: one kernel for all programs, with loops for each operation.

All indices are unsigned, since Numba asks of a signed one whether it is negative, and then finds no vectors.
Negative strides are right nevertheless, as 64 bits wrap around.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

import numpy as np

from ...ops.table import OPS, Op
from ..numpy.array_table import Floats, Step, Workshop, new_memory
from ..passes.instructions import is_compound
from ..passes.multiply_add import ADD_PRODUCT
from ..table.array_rows import EACH, GATHER, INLINE, MAP, PRODUCT, REDUCTION
from ..table.array_table import ArrayTable
from .build import HEAD
from .loop_rules import LOOPS
from .machine_code import loaded
from .reduction_loops import over_row
from .table import KINDS

_SIGNATURE = "(uint64[:, ::1], uint32[:, ::1], float64[::1])"

_REDUCTIONS = {
    op: kind for kind, op in enumerate(op for op in OPS.values() if op.variadic and not is_compound(op))
}

_MAPS = {op: kind for op, kind in KINDS.items() if op is not ADD_PRODUCT}

_BEGIN = """\
ONE = np.uint64(1)
FOUR = np.uint64(4)


"""

# An element at a time: what a product takes where no factor lies as it should.
_PRODUCT = """\
rows, columns, terms, out = code[i, 2], code[i, 3], code[i, 4], code[i, 5]
x, xr, xk, y, yc, yk = code[i, 6], code[i, 7], code[i, 8], code[i, 9], code[i, 10], code[i, 11]
whole = terms - terms % FOUR
if yc == ONE:
    for r in range(rows):
        for c in range(columns):
            w[out + c] = 0.0
        a = x + r * xr
        b = y
        for k in range(whole // FOUR):
            a0, a1, a2, a3 = w[a], w[a + xk], w[a + xk + xk], w[a + xk + xk + xk]
            b1 = b + yk
            b2 = b1 + yk
            b3 = b2 + yk
            for c in range(columns):
                total = add_product(add_product(w[out + c], a0, w[b + c]), a1, w[b1 + c])
                w[out + c] = add_product(add_product(total, a2, w[b2 + c]), a3, w[b3 + c])
            a += xk * FOUR
            b += yk * FOUR
        for k in range(terms - whole):
            a0 = w[a]
            for c in range(columns):
                w[out + c] = add_product(w[out + c], a0, w[b + c])
            a += xk
            b += yk
        out += columns
elif xk == ONE and yk == ONE:
    for r in range(rows):
        a = x + r * xr
        b = y
        for c in range(columns // FOUR):
            b1 = b + yc
            b2 = b1 + yc
            b3 = b2 + yc
            s0 = s1 = s2 = s3 = 0.0
            for k in range(terms):
                a0 = w[a + k]
                s0 = add_product(s0, a0, w[b + k])
                s1 = add_product(s1, a0, w[b1 + k])
                s2 = add_product(s2, a0, w[b2 + k])
                s3 = add_product(s3, a0, w[b3 + k])
            w[out] = s0
            w[out + ONE] = s1
            w[out + ONE + ONE] = s2
            w[out + ONE + ONE + ONE] = s3
            out += FOUR
            b = b3 + yc
        for c in range(columns % FOUR):
            s0 = 0.0
            for k in range(terms):
                s0 = add_product(s0, w[a + k], w[b + k])
            w[out] = s0
            out += ONE
            b += yc
else:
    for r in range(rows):
        for c in range(columns):
            s0 = 0.0
            for k in range(terms):
                s0 = add_product(s0, w[x + r * xr + k * xk], w[y + c * yc + k * yk])
            w[out] = s0
            out += ONE
"""


def array_kernel_source() -> str:
    """Return the interpreter as a text for Numba.

    Returns
    -------
    str
        The definition of ``program``, which goes through the rows of a table.

    Examples
    --------
    >>> "math.tanh(x_)" in array_kernel_source()
    True
    """
    lines = array_kernel_lines(_MAPS | _REDUCTIONS)
    text = "\n".join(["def program(code, places, w):", *_indented(lines)])
    return f"{HEAD}{_BEGIN}{text}\n"


def array_kernel_lines(kinds: Mapping[Op, int], forms: Container[int] = range(GATHER + 1)) -> list[str]:
    """Return loops that go through the rows of a table.

    Parameters
    ----------
    kinds : mapping of Op to int
        The operations that rows have, and the numbers of those that are variadic, and of the others.
    forms : container of int, optional
        What rows do: all of `MAP` and the others by default.

    Examples
    --------
    >>> "                w[out + c] = math.tanh(x_)" in array_kernel_lines({OPS["tanh"]: 0})
    True
    """
    maps = {op: kind for op, kind in kinds.items() if not op.variadic}
    inline = {op: kind for op, kind in maps.items() if op in INLINE}
    reductions = {op: kind for op, kind in kinds.items() if op.variadic}
    bodies = {
        MAP: _read(["n0", "n1", "n2", "out", *_ways(3)]) + _chosen(maps, _map),
        EACH: _read(["count", "out", "first"]) + _chosen(inline, _each),
        REDUCTION: _read(["n0", "n1", "length", "out", *_ways(2)]) + _chosen(reductions, _reduction),
        PRODUCT: _PRODUCT.splitlines(),
        GATHER: [
            *_read(["count", "out", "first"]),
            "for k in range(count):",
            "    w[out + k] = w[np.uint64(places[first + k, 0])]",
        ],
    }
    lines = _indented(["kind, op = code[i, 0], code[i, 1]"])
    for form, body in bodies.items():
        if form in forms:
            lines += _indented([f"{'elif' if len(lines) > 1 else 'if'} kind == {form}:", *_indented(body)])
    return ["for i in range(len(code)):", *lines]


def _read(names: Sequence[str]) -> list[str]:
    return [f"{name} = code[i, {at}]" for at, name in enumerate(names, 2)]


def _ways(operands: int) -> list[str]:
    """Return the names of where operands begin, and of their strides."""
    return [f"{operand}{at}" for operand in "xyz"[:operands] for at in ("", 0, 1, 2)]


def _chosen(kinds: Mapping[Op, int], lines_of: Callable[[Op], list[str]]) -> list[str]:
    """Return the lines of each operation, below the question whether it is this one."""
    found: list[str] = []
    for op, kind in kinds.items():
        found.append(f"{'elif' if found else 'if'} op == {kind}:")
        found += [f"    {line}" for line in lines_of(op)]
    return found


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _map(op: Op) -> list[str]:
    operands = "xyz"[: len(op.parameters)]
    if op not in INLINE:
        reads = [f"    {name}_ = w[{name} + c * {name}2]" for name in operands]
        return ["for c in range(n2):", *reads, f"    w[out + c] = {_value(op)}"]
    starts = [f"{name}_at = {name} + a * {name}0 + b * {name}1" for name in operands]
    inner = [
        "for c in range(n2):",
        *(f"    {name}_ = w[{name}_at + c * {name}2]" for name in operands),
        f"    w[out + c] = {_value(op)}",
    ]
    return [
        "for a in range(n0):",
        "    for b in range(n1):",
        *(f"        {line}" for line in [*starts, *inner, "out += n2"]),
    ]


def _value(op: Op) -> str:
    """Return the rule of an operation, of operands that are read."""
    operands = zip(op.parameters, "xyz", strict=False)
    return LOOPS.write(op.value, {parameter: f"{name}_" for parameter, name in operands})


def _each(op: Op) -> list[str]:
    names = enumerate("xyz"[: len(op.parameters)])
    reads = [f"    {name}_ = w[np.uint64(places[first + k, {at}])]" for at, name in names]
    return ["for k in range(count):", *reads, f"    w[out + k] = {_value(op)}"]


def _reduction(op: Op) -> list[str]:
    operands = dict(zip(op.parameters, "xy", strict=False))
    starts = [f"{name}_at = {name} + a * {name}0 + b * {name}1" for name in operands.values()]
    texts = {parameter: f"w[{name}_at + j * {name}2]" for parameter, name in operands.items()}
    body = [*starts, *over_row(op, "v", texts, "j", "length"), "w[out] = v", "out += ONE"]
    return ["for a in range(n0):", *_indented(["for b in range(n1):", *_indented(body)])]


def arrays_with_numba(table: ArrayTable) -> Workshop:
    """Return what makes a memory and its interpreter by Numba.

    Parameters
    ----------
    table : ArrayTable
        The table.

    Returns
    -------
    callable
        See `Workshop`.

    Examples
    --------
    >>> from ..table.array_table import array_table
    >>> from ..arrays.plan import Block, Operand, Plan
    >>> plan = Plan({0: Block(None, (1,), argument=0)}, {0: (1, 0)})
    >>> plan.blocks[1] = Block(OPS["mul"], (), operands=[Operand(0, np.zeros((), int))] * 2)
    >>> memory, step = arrays_with_numba(array_table(plan, [(1,)], [([0], ())]))()
    >>> memory[0] = 3.0
    >>> step()
    >>> memory
    array([3., 9.])
    """
    program = loaded(array_kernel_source(), _SIGNATURE).program
    code = table.code.copy()
    for kinds, forms in ((_MAPS, (MAP, EACH)), (_REDUCTIONS, (REDUCTION,))):
        of_these = np.isin(code[:, 0], forms)
        used, which = np.unique(code[of_these, 1], return_inverse=True)
        # A row that was added to the table of operations after the kernel was written is a KeyError here.
        numbers = np.array([kinds[table.ops[i]] for i in used.tolist()], dtype=np.int64)
        code[of_these, 1] = numbers[which.ravel()]
    rows, places = code.view(np.uint64), table.places.view(np.uint32)

    def workshop() -> tuple[Floats, Step]:
        memory = new_memory(table)

        def step() -> None:
            program(rows, places, memory)

        return memory, step

    return workshop
