"""The strategy of random programs, for every way to evaluate and differentiate them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf, nan, nextafter, prod
from textwrap import indent
from typing import Any
from unicodedata import normalize

import numpy as np
from hypothesis import strategies as st
from programs import (
    NAMESPACE,
    STORAGES,
    Array,
    Block,
    Constant,
    Container,
    Operand,
    Program,
    Setting,
    Shape,
    Step,
    executed,
    plain,
)
from words import BINARY, CONTINUOUS_KINKS, SIGNS, UNARY, WORDS

from autograd import OPS

# At most 6 factors of 4 bits, so that sums of such products are exact in any order.
_DEGREE = 6
# The largest size of an array, so that a program is traced in milliseconds.
_LARGEST = 12
# Rounding might change the order of numbers that differ by less.
_CLEAR = 1e-3

LINE = (-3.0, 3.0)
# The neighbours of 1 are those of the kinks of hinge and clip; of other numbers, constants are neighbours.
SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, 2.0, inf, -inf, nan, 5e-324, nextafter(1.0, 0.0), nextafter(1.0, 2.0),
]  # fmt: skip
HUGE = [*SPECIAL, 1e308, -1e308]

# Strings that Python normalises, keywords, names that programs use, and strings that are not identifiers.
KEYS: list[Any] = [
    "x", "w", "np", "v1", "c0", "i0", "result1", "program", "class", "lambda", "x²", "x₁", "½", "µ", "μ",
    "𝑣1", "ｎｐ", "e\u0301", "é", "", " ", "a b", "a_b", "1", 0, 1, -1, "\\", "\n", "'", "math", "numbers",
    "True", "None",
]  # fmt: skip

# Names of arguments that a generated program might use itself.
NAMES = [
    ("p", "d"),
    ("x", "y"),
    ("v1", "c0"),
    ("result1", "i0"),
    ("math", "places"),
    ("µ", "run"),
    ("out", "add"),
]


def words_of(steps: Sequence[Step]) -> set[str]:
    """Return the words of steps, also in functions."""
    return {step.word for step in steps}.union(*(words_of(s.block.steps) for s in steps if s.block))


@dataclass(frozen=True)
class _Known:
    """What is known about a result while a program is drawn.

    `value` has the shape of the result and, if `certain`, its numbers at the first point. A `settled` result
    has the same bits in every correct evaluation. `degree` is that of a dyadic result as a polynomial. A
    `boxed` result is a plain object array that NumPy made of `Value`s, and compares by their numbers.
    """

    value: Any
    settled: bool
    certain: bool
    degree: int
    interval: tuple[float, float]
    boxed: bool = False

    @property
    def shape(self) -> Shape:
        return np.shape(self.value)


@cache
def _between(low: int, high: int) -> st.SearchStrategy[int]:
    """Return a cached strategy for a range: building one takes as long as ten draws."""
    return st.integers(low, high)


Draw = Callable[[int, int], int]
"""Draws an integer between two, which are included: what all of a program is drawn by."""


def by_hypothesis(draw: Callable[..., int]) -> Draw:
    """Return what draws integers as Hypothesis does, which finds the smallest program that fails."""
    return lambda low, high: draw(_between(low, high))


class _Scope:
    """The state of drawing the steps of a program or function."""

    def __init__(self, draw: Draw, manner: str, module: tuple[str, Any] | None = None) -> None:
        self.draw, self.manner, self.module = draw, manner, module
        self.known: dict[int, _Known] = {}
        self.visible: list[int] = []
        self.steps: list[Step] = []
        self.depth = 0
        # Whether every row must be differentiable at its operands.
        self.avoids_kinks = False

    def inner(self, *, closed: bool) -> _Scope:
        """Return the scope of an inner function, which sees the results so far unless it is closed."""
        scope = _Scope(self.draw, self.manner, None if closed else self.module)
        scope.known, scope.depth = self.known, self.depth + 1
        scope.visible = [] if closed else list(self.visible)
        return scope

    @property
    def is_special(self) -> bool:
        """Whether numbers may be infinite or nan."""
        return self.manner in ("special", "huge")

    # ---------------------------------------------------------------------------------------- choosing

    def one_of(self, items: Sequence[Any]) -> Any:
        """Draw one of some items."""
        return items[self.whole(0, len(items) - 1)]

    def whole(self, low: int, high: int) -> int:
        """Draw an integer."""
        return low if low == high else self.draw(low, high)

    def chosen(self, fits: Callable[[_Known], bool] = lambda known: True) -> int | None:
        """Draw an earlier result, preferably the latest, so that programs grow deep."""
        found = [i for i in reversed(self.visible) if fits(self.known[i])]
        return self.one_of(found) if found else None

    def number(self, interval: tuple[float, float] = LINE) -> float:
        """Draw a number."""
        if self.is_special:
            return float(self.one_of(HUGE if self.manner == "huge" else SPECIAL))
        if self.manner == "dyadic":
            return self.whole(-12, 12) / 4.0
        low, high = interval
        return low + (high - low) * self.whole(1, 999) / 1000.0

    def constant(
        self, shape: Shape, interval: tuple[float, float] = LINE, beside: int | None = None
    ) -> Constant:
        """Draw a constant of few, repeated numbers, some equal to those of the other operand."""
        pool = [self.number(interval) for _ in range(self.whole(1, 2))]
        pool += [x for x in (0.0, -0.0) if interval[0] <= x <= interval[1]]
        if beside is not None and self.known[beside].settled and self.known[beside].certain:
            near = np.ravel(self.known[beside].value).tolist()[:2]
            if self.is_special:
                near += [nextafter(x, self.one_of((-inf, inf))) for x in near]
            pool += [x for x in near if interval[0] <= x <= interval[1] or self.is_special]
        return Constant(tuple(self.one_of(pool) for _ in range(prod(shape))), shape)

    def operand(self, source: int | Constant, interval: tuple[float, float] = LINE) -> Operand:
        """Return an operand, mapped into an interval if it may be outside."""
        if isinstance(source, Constant) or self.manner != "smooth":
            return Operand(source)
        low, high = self.known[source].interval
        return Operand(source, None if interval[0] <= low and high <= interval[1] else interval)

    def partner(self, first: int, interval: tuple[float, float] = LINE) -> Operand:
        """Draw a second operand: a result that broadcasts with the first, or a constant."""
        shape = self.known[first].shape
        if self.one_of((False, True)):
            return self.operand(self.constant(self.one_of([shape, ()]), interval, first))
        found = self.chosen(lambda known: _fit(shape, known.shape))
        return self.operand(first if found is None else found, interval)

    # ------------------------------------------------------------------------------------------ adding

    def know(self, known: _Known) -> int:
        """Register a new result and return its number."""
        number = len(self.known)
        self.known[number] = known
        self.visible.append(number)
        return number

    def known_of(self, operand: Operand) -> _Known:
        """Return what is known of an operand."""
        if isinstance(operand.source, Constant):
            array = operand.source.array
            return _Known(array, True, True, 1, (float(np.min(array)), float(np.max(array))))
        known = self.known[operand.source]
        if operand.interval is None:
            return known
        value = self._run(f"return {operand.text('plain')}", [operand.source])
        return _Known(value, False, known.certain, known.degree, operand.interval)

    def add(
        self,
        word: str,
        *operands: Operand,
        degree: int | None = None,
        rounds: str = "",
        block: Block | None = None,
        **options: Any,
    ) -> bool:
        """Add a step, unless rounding could change it discontinuously, or it has too many numbers or bits."""
        rule, of = WORDS[word], [self.known_of(operand) for operand in operands]
        degree = max((known.degree for known in of), default=1) if degree is None else degree
        settled = all(known.settled for known in of)
        if self.manner == "dyadic" and degree > _DEGREE:
            return False
        # 1 + 1e308 - 1e308 is 1 or 0, and 1e308 + 1e308 - inf is -inf or nan, as it is summed.
        if self.manner == "huge" and (rounds or rule.rounds) == "freely":
            return False
        boxed = any(known.boxed for known in of)
        # NumPy would nest object arrays, and the plain floats in one act as Python's.
        if boxed and (word == "array" or (word in _COMPARING and any(k.boxed and k.shape for k in of))):
            return False
        if self.is_special and not any(k.shape for k in of) and word in ("array", "stack"):
            return False
        # At -inf NumPy's power of an array and 0.5 is nan, as of a square root; ours is inf as in IEEE 754.
        # An exponent that is an argument may be 0.5 at the other point.
        if self.is_special and word == "pow" and np.size(of[1].value) == 1:
            source = operands[1].source
            if not isinstance(source, Constant) or 0.5 in source.numbers:
                return False
        if rule.kinks and not settled and not _is_clear(word, [known.value for known in of], of, options):
            return False
        if self.module:
            options["p"] = self.module[0]
        # On Python's numbers these raise where NumPy's give inf or nan.
        ieee = int(self.is_special and word in ("truediv", "floordiv", "mod", "pow", "power"))
        step = Step(len(self.known), word, operands, ieee, tuple(options.items()), block, ieee)
        seen = [o.source for o in operands if isinstance(o.source, int)]
        if block is not None:
            seen = [i for i in self.known if f"a{i}" in step.text("plain")]
        try:
            value = self._run(f"{step.text('plain')}\nreturn a{step.number}", seen)
        except OverflowError:
            # Python's own powers raise it, of 1e308.
            return False
        if np.size(value) > _LARGEST or not np.size(value):
            return False
        # On scalars NumPy's functions return NumPy scalars, whose methods a Value lacks.
        varies = not boxed and any(known.shape for known in of)
        spelling = ieee or (self.whole(0, len(rule.ours) - 1) if varies else 0)
        # A loop that counts its steps is recorded in the thread that traces alone.
        spelling = 0 if word == "call" and block and "while" in words_of(block.steps) else spelling
        certain = not self.depth and block is None and all(k.certain for k in of) and word != "activation"
        settles = self.manner == "dyadic" or (rounds or rule.rounds) in ("never", "once")
        low, high = (np.min(value), np.max(value)) if certain else (-inf, inf)
        self.steps.append(replace(step, spelling=spelling))
        # With an array of Values among the operands the result is one again; without, its numbers are boxed.
        of_values = [k for k, o in zip(of, operands, strict=True) if not isinstance(o.source, Constant)]
        boxed = word in _BOXING and not any(k.shape and not k.boxed for k in of_values)
        boxed = boxed or word == "array" or (word == "vmap" and spelling == 1)
        if not np.ndim(value):
            boxed = any(k.boxed and not k.shape for k in of)
        self.know(_Known(value, settled and settles, certain, degree, (float(low), float(high)), boxed))
        return True

    def _run(self, body: str, seen: Sequence[int]) -> Any:
        """Execute lines that read the given results, and return what they return."""
        names = ", ".join(f"a{i}" for i in dict.fromkeys(seen))
        namespace = NAMESPACE if self.module is None else {**NAMESPACE, self.module[0]: self.module[1]}
        run = executed(f"def program({names}):\n{indent(body, '    ')}", namespace)
        with np.errstate(all="ignore"):
            return plain(run(*(self.known[i].value for i in dict.fromkeys(seen))))


def _fit(shape: Shape, other: Shape) -> bool:
    """Return whether shapes broadcast to an array that is not too large."""
    try:
        return prod(np.broadcast_shapes(shape, other)) <= _LARGEST
    except ValueError:
        return False


_COMPARING = {"choose", "choose by two", "choose otherwise", "mask", "clip"}

# Words whose result is a plain object array if no operand is an array of Values.
_BOXING = set(WORDS) - {
    "spread", "call", "compiled call", "vmap", "vmap along columns", "vmap of two",
    "look up", "branch", "loop", "while", "with a rule",
}  # fmt: skip


def _is_clear(word: str, values: Sequence[Any], of: Sequence[_Known], options: dict[str, Any]) -> bool:
    """Return whether all operands that a word compares are known to differ by more than rounding errors."""
    if not all(known.certain for known in of):
        return False
    if not all(np.isfinite(known.value).all() for known in of):
        return False
    match word:
        case "choose by two":
            gaps = [np.subtract(*values[:2]), np.subtract(*values[2:4])]
        case "max" | "min" | "choose" | "choose otherwise" | "mask" | "branch":
            gaps = [np.subtract(*values[:2])]
        case "while":
            gaps = [values[1] - 1.0 + 0.75 * steps for steps in range(4)]
        case "clip":
            gaps = [values[0] - options["low"], values[0] - options["high"]]
        case "largest" | "smallest":
            gaps = [np.diff(np.sort(np.ravel(values[0])))]
        case "floor":
            gaps = [values[0] - np.rint(values[0])]
        case "look up":
            gaps = [values[1] - np.rint(values[1])]
        case "floordiv" | "mod":
            if not np.all(values[1]):
                return False
            with np.errstate(all="ignore"):
                ratio = np.divide(*values)
                gaps = [ratio - np.rint(ratio)]
        case "hinge":
            gaps = [1.0 - np.array(options["signs"]) * values[0]]
        case _:
            gaps = [values[0]]
    return all(bool(np.all(np.abs(gap) > _CLEAR)) for gap in gaps)


# --------------------------------------------------------------------------------------------- families


def _unary(s: _Scope) -> bool:
    name = s.one_of(["neg", "abs", "relu", "pos", "floor"] if s.manner == "dyadic" else UNARY)
    i = s.chosen()
    assert i is not None
    return s.add(name, s.operand(i, _domains(s, name)[0]))


def _binary(s: _Scope) -> bool:
    name = s.one_of(["add", "mul", "sub", "max", "min"] if s.manner == "dyadic" else BINARY)
    i = s.chosen()
    assert i is not None
    left, right = _domains(s, name)
    first, second = s.operand(i, left), s.partner(i, right)
    if s.one_of((False, True)) and left == right:
        first, second = second, first
    degree = _degree(s, first) + _degree(s, second) if name == "mul" else None
    return s.add(name, first, second, degree=degree)


def _domains(s: _Scope, name: str) -> Sequence[tuple[float, float]]:
    """Return the domain of each operand, which for a row with a kink includes both sides."""
    op = OPS[name]
    both_sides = name in CONTINUOUS_KINKS and not s.avoids_kinks
    return [LINE] * len(op.partials) if both_sides else op.domain


def _of_numbers(s: _Scope) -> bool:
    """Add a reduction or a choice on numbers."""
    word = s.one_of(["sum of", "dot of", "logsumexp of", "where"])
    intervals = {"where": OPS["where"].domain, "dot of": [LINE] * 4}.get(word, [LINE] * 2)
    if s.chosen(lambda known: known.shape == ()) is None or (s.manner == "dyadic" and "exp" in word):
        return False
    operands = []
    for position, interval in enumerate(intervals):
        # Not only constants, which would have no graph.
        constant = position < len(intervals) - 1 and s.whole(0, 3) == 0
        i = s.chosen(lambda known: known.shape == ())
        operands.append(s.operand(s.constant((), interval) if constant or i is None else i, interval))
    degree = sum(_degree(s, operand) for operand in operands) if word == "dot of" else None
    return s.add(word, *operands, degree=degree)


def _degree(s: _Scope, operand: Operand) -> int:
    return s.known_of(operand).degree


def _square(s: _Scope) -> bool:
    i = s.chosen()
    assert i is not None
    if s.manner != "dyadic" and s.one_of((False, True)):
        return s.add("sinc", s.operand(i))
    return s.add("square", s.operand(i), degree=2 * s.known[i].degree)


def _power(s: _Scope) -> bool:
    i = s.chosen()
    assert i is not None
    if s.manner == "dyadic":
        return False
    half = [] if s.is_special else [0.5]  # As in `add`.
    return s.add("power", s.operand(i, (0.1, 5.0)), power=s.one_of([3, 2, -1, 1.5, 0, 1, -2.0, *half]))


def _choice(s: _Scope) -> bool:
    """Add a choice by one or two comparisons of arrays."""
    word = s.one_of(["choose", "choose by two", "choose otherwise", "mask"])
    i = s.chosen(lambda known: word != "choose otherwise" or known.shape != ())
    if i is None:
        return False
    compared = [s.operand(i), s.partner(i)]
    options = {"sign": s.one_of(SIGNS)}
    if word == "choose by two":
        compared += [s.operand(i), s.partner(i)]
        options |= {"other": s.one_of(SIGNS), "joint": s.one_of(["&", "|", "^"])}
    branches = [s.partner(i) for _ in range(1 if word == "mask" else 2)]
    shapes = [s.known_of(operand).shape for operand in (*compared, *branches)]
    if not _broadcasts(shapes):
        return False
    return s.add(word, *compared, *branches, **options)


def _broadcasts(shapes: Sequence[Shape]) -> bool:
    try:
        return prod(np.broadcast_shapes(*shapes)) <= _LARGEST
    except ValueError:
        return False


def _extremum(s: _Scope) -> bool:
    word = s.one_of(["clip", "largest", "smallest"])
    i = s.chosen(lambda known: known.shape != ())
    if i is None:
        return False
    options: dict[str, Any] = (
        dict(zip(("low", "high"), sorted([s.number(), s.number()]), strict=True)) if word == "clip" else {}
    )
    return s.add(word, s.operand(i), **options)


def _reduction(s: _Scope) -> bool:
    words = ["sum", "sum along", "mean", "product", "variance", "running sum", "differences"]
    word = s.one_of([*words, "deviation", "distance"])
    needs = 2 if word == "sum along" else 1
    i = s.chosen(lambda known: len(known.shape) >= needs)
    if i is None or (s.manner == "dyadic" and word in ("mean", "variance")):
        return False
    known = s.known[i]
    # Beside the kink, where the numbers are equal, the derivative is one of rounding errors.
    sizes: dict[str, Callable[[Any], Any]] = {"deviation": np.std, "distance": np.linalg.norm}
    size = sizes.get(word)
    if size and not (s.manner == "smooth" and known.certain and size(known.value) > _CLEAR):
        return False
    if word == "differences" and (len(known.shape) != 1 or known.shape[0] < 2):
        return False
    degree = known.degree * np.size(known.value) if word == "product" else None
    options: dict[str, Any] = {"axis": s.whole(0, 1)} if word == "sum along" else {}
    return s.add(word, s.operand(i), degree=degree, **options)


def _product(s: _Scope) -> bool:
    word = s.one_of(["dot", "matmul", "outer"])
    i = s.chosen(lambda known: len(known.shape) == (2 if word == "matmul" else 1))
    if i is None:
        return False
    shape = s.known[i].shape
    fits: Callable[[tuple[int, ...]], bool] = {
        "dot": lambda other: other == shape,
        "outer": lambda other: len(other) == 1,
        "matmul": lambda other: len(other) in (1, 2) and other[0] == shape[1],
    }[word]
    j = s.chosen(lambda known: fits(known.shape))
    wanted = {"dot": shape, "outer": (2,), "matmul": (shape[-1], 2)}[word]
    second = s.operand(j) if j is not None and s.one_of((False, True)) else Operand(s.constant(wanted))
    first = s.operand(i)
    return s.add(word, first, second, degree=_degree(s, first) + _degree(s, second))


def _soft(s: _Scope) -> bool:
    """Add a sum of exponentials, also with masked logits."""
    word = s.one_of(["logsumexp", "softmax", "masked logsumexp", "masked softmax", "masked cross entropy"])
    # A cross entropy of one logit is no loss, and raises.
    fewest = 2 if word == "masked cross entropy" else 1
    i = s.chosen(lambda known: len(known.shape) == 1 and known.shape[0] >= fewest)
    if i is None or s.manner == "dyadic":
        return False
    (size,) = s.known[i].shape
    mask = [True, *(s.one_of((False, True)) for _ in range(size - 1))]
    options = {
        "mask": f"np.array({mask})",
        "torch_mask": f"torch.tensor({mask})",
        "infinities": f"np.array([{', '.join('0.0' if kept else '-inf' for kept in mask)}])",
        "label": "0",
    }
    wanted: dict[str, Any] = options if "masked" in word else {}
    return s.add(word, s.operand(i), **wanted)


def _loss(s: _Scope) -> bool:
    word = s.one_of(["squared error", "hinge", "logistic loss", "cross entropy"])
    takes_rows = word == "cross entropy"

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[1] > 1 if takes_rows else len(shape) in (1, 2)

    i = s.chosen(lambda known: fits(known.shape))
    if i is None or s.manner == "dyadic":
        return False
    shape = s.known[i].shape
    options: dict[str, Any] = {}
    operands = [s.operand(i)]
    if word == "squared error":
        same_shape = s.chosen(lambda known: known.shape == shape) if s.one_of((False, True)) else None
        operands.append(s.operand(s.constant(shape) if same_shape is None else same_shape))
    elif word == "cross entropy":
        options["labels"] = [s.whole(0, shape[1] - 1) for _ in range(shape[0])]
    else:
        name, pool = ("signs", [1.0, -1.0]) if word == "hinge" else ("targets", [1.0, 0.0, 0.25])
        options[name] = np.reshape([s.one_of(pool) for _ in range(prod(shape))], shape).tolist()
    return s.add(word, *operands, **options)


def _join(s: _Scope) -> bool:
    """Add a stack or concatenation of equal or different arrays."""
    word = s.one_of(["stack", "concatenate", "array", "vstack", "hstack", "append"])
    i = s.chosen(lambda known: known.shape != () or word in ("array", "stack"))
    if i is None:
        return False
    shape = s.known[i].shape
    others = [
        j
        for j in (s.chosen(lambda known: known.shape == shape) for _ in range(s.whole(1, 2)))
        if j is not None
    ]
    operands = [Operand(j) for j in (i, *others)]
    if s.one_of((False, True)) and shape:
        operands[-1] = Operand(s.constant(shape, beside=i))
    if word == "append":
        operands = operands[:2]
    high = {"stack": len(shape), "concatenate": len(shape) - 1}.get(word)
    options: dict[str, Any] = {} if high is None else {"axis": s.whole(-1, high)}
    return s.add(word, *operands, **options)


def _arrangement(s: _Scope) -> bool:
    """Add a rearrangement, a part or a repetition of an array."""
    words = ["reshape", "transpose", "reverse", "roll", "slice", "strided slice", "take", "element"]
    word = s.one_of([*words, "pad", "diagonal", "lower", "repeat", "tile"])
    needs = {"pad": 1, "repeat": 1, "tile": 1, "diagonal": 2, "lower": 2}
    i = s.chosen(lambda known: known.shape != () and needs.get(word) in (None, len(known.shape)))
    if i is None:
        return False
    shape = s.known[i].shape
    last = shape[0] - 1
    options: dict[str, Any] = {}
    match word:
        case "reshape":
            size = prod(shape)
            options["shape"] = s.one_of(
                [(n, size // n) for n in (1, 2, 3, size) if size % n == 0] + [(size,)]
            )
        case "roll":
            options["shift"] = s.whole(-2, 2)
        case "slice":
            start = s.whole(0, last)
            options |= {"start": start, "stop": s.whole(start + 1, shape[0])}
        case "take":
            options["places"] = [s.whole(0, last) for _ in range(s.whole(1, 4))]
        case "element":
            options["place"] = s.whole(0, last)
    return s.add(word, Operand(i), **options)


def _assignment(s: _Scope) -> bool:
    """Add an assignment of a number to an element or a row of an array."""
    i = s.chosen(lambda known: known.shape != ())
    j = s.chosen(lambda known: known.shape == ()) if s.one_of((False, True)) else None
    # Multiplied by 0.0, an infinite number would be nan.
    if i is None or (j is not None and s.is_special):
        return False
    view = s.one_of(["itself", "reversed", "transposed"])
    length = s.known[i].shape[-1 if view == "transposed" else 0]
    number = s.constant((), beside=i) if j is None else j
    word = "assigned constant" if j is None else "assigned"
    return s.add(word, s.operand(i), s.operand(number), place=s.whole(-1, length - 1), view=view)


def _spread(s: _Scope) -> bool:
    """Add a batch of equal samples."""
    i = s.chosen(lambda known: known.shape == ())
    return i is not None and s.add("spread", Operand(i), size=s.one_of([3, 2, 1, (2, 2)]))


def _setting(s: _Scope) -> bool:
    i = s.chosen()
    if i is None or s.module is None:
        return False
    word = s.one_of(["activation", "slope"])
    return s.add(word, s.operand(i), degree=s.known[i].degree + (word == "slope"))


# -------------------------------------------------------------------------------------------- functions


def _call(s: _Scope) -> bool:
    """Add a call of a function: plain, in a worker thread, or compiled."""
    i = s.chosen()
    assert i is not None
    word = s.one_of(["call", "compiled call"])
    if s.known[i].boxed:
        return False
    block = _function(s, [s.known[i]], closed=word == "compiled call")
    return s.add(word, Operand(i), block=block, **_of_block(s, block))


def _map(s: _Scope) -> bool:
    words = ["vmap", "vmap along columns", "vmap of two"]
    word = s.one_of([*words, *(["gradients of samples"] if s.manner != "huge" else [])])
    i = s.chosen(lambda known: len(known.shape) >= (2 if word == "vmap along columns" else 1))
    if i is None:
        return False
    operands, known = [Operand(i)], s.known[i]
    row = replace(known, value=known.value[:, 0] if word == "vmap along columns" else known.value[0])
    rows = [row]
    if word == "vmap of two":
        operands.append(Operand(s.one_of(s.visible)))
        rows.append(s.known_of(operands[1]))
    block = _function(s, rows, scalar=word == "gradients of samples")
    return s.add(word, *operands, block=block, **_of_block(s, block, word == "gradients of samples"))


def _derivative(s: _Scope) -> bool:
    """Add a nested derivative, whose function may use outer results."""
    # At infinite numbers a derivative of the second order may be 0 or not there, see `transforms_of`.
    if s.manner == "huge" or (s.is_special and s.depth):
        return False
    word = s.one_of(["gradient", "tangent", "pulled back", *([] if s.is_special else ["curvature"])])
    i = s.chosen()
    assert i is not None
    block = _function(s, [s.known[i]], scalar=word in ("gradient", "curvature"))
    operands, degree = [Operand(i)], s.known[block.result].degree
    if word != "gradient":
        shape = s.known[block.result if word == "pulled back" else i].shape
        j = s.chosen(lambda known: known.shape == shape)
        operands.append(s.operand(s.constant(shape) if j is None else j))
        degree += _degree(s, operands[1])
    return s.add(word, *operands, block=block, **{**_of_block(s, block, True), "degree": degree})


def _branch(s: _Scope) -> bool:
    """Add a conditional: one function or twice another, by a comparison of two numbers."""
    i = s.chosen(lambda known: known.shape == () and not known.boxed)
    j = s.chosen(lambda known: not known.boxed)
    if i is None or j is None:
        return False
    other = s.chosen(lambda known: known.shape == () and not known.boxed) if s.one_of((False, True)) else None
    compared = [s.operand(i), s.operand(s.constant((), beside=i) if other is None else other)]
    block = _function(s, [s.known[j]])
    return s.add("branch", *compared, Operand(j), block=block, sign=s.one_of(SIGNS), **_of_block(s, block))


def _loop(s: _Scope) -> bool:
    """Add a loop over the slices of an array, which carries a number."""
    i = s.chosen(lambda known: known.shape == () and not known.boxed)
    j = s.chosen(lambda known: known.shape != () and not known.boxed)
    if i is None or j is None or s.manner in ("dyadic", "huge"):
        return False
    # The carry is a tanh, and so is the first one in the interval of that.
    first, row = s.operand(i, (-1.0, 1.0)), replace(s.known[j], value=s.known[j].value[0])
    block = _function(s, [s.known_of(first), row], scalar=True)
    options = {"reverse": s.one_of((False, True)), "part": s.whole(0, 1)}
    return s.add("loop", first, Operand(j), block=block, **options, **_of_block(s, block))


def _repeat(s: _Scope) -> bool:
    """Add a loop of as many steps as a number says."""
    i, j = (s.chosen(lambda known: known.shape == () and not known.boxed) for _ in range(2))
    if i is None or j is None or s.manner in ("dyadic", "huge"):
        return False
    first, clock = s.operand(i, (-1.0, 1.0)), s.operand(j, (-1.0, 1.0))
    if s.is_special:
        # From -inf or -1e308 the clock would never reach 1.
        clock = Operand(Constant((s.one_of([x for x in SPECIAL if not x < -1.0]),)))
    block = _function(s, [s.known_of(first)], scalar=True)
    return s.add("while", first, clock, block=block, part=s.whole(0, 1), **_of_block(s, block))


def _ruled(s: _Scope) -> bool:
    """Add a function with a rule of its own for its derivative, or a number without one."""
    i = s.chosen()
    assert i is not None
    if s.one_of((False, True)):
        return s.add("stopped", s.operand(i))
    # Of infinite numbers it matters along which edges a derivative flows.
    if s.known[i].boxed or s.is_special:
        return False
    block = _function(s, [s.known[i]], closed=True)
    return s.add("with a rule", Operand(i), block=block, **_of_block(s, block))


def _look_up(s: _Scope) -> bool:
    """Add an element or row by an index that is computed."""
    i = s.chosen(lambda known: known.shape != () and not known.boxed)
    j = s.chosen(lambda known: known.shape == () and not known.boxed)
    if i is None or j is None or s.is_special:
        return False
    return s.add("look up", Operand(i), Operand(j), mode=s.one_of(["clip", "wrap"]))


def _of_block(s: _Scope, block: Block, derivative: bool = False) -> dict[str, Any]:
    """Return the options of a step from the result of its function."""
    known = s.known[block.result]
    return {"degree": known.degree, "rounds": "never" if known.settled and not derivative else "freely"}


def _function(s: _Scope, of: Sequence[_Known], *, scalar: bool = False, closed: bool = False) -> Block:
    """Draw a function with arguments like the given results."""
    inner = s.inner(closed=closed)
    parameters = tuple(inner.know(replace(known, certain=False, boxed=False)) for known in of)
    _draw_steps(inner, s.whole(1, 3))
    last = inner.visible[-1]
    if scalar and inner.known[last].shape:
        inner.add("sum", inner.operand(last))
    return Block(parameters, tuple(inner.steps), inner.visible[-1])


_FAMILIES: Sequence[Callable[[_Scope], bool]] = (
    _unary, _binary, _of_numbers, _choice, _join, _spread, _assignment, _arrangement, _reduction, _product,
    _square, _power, _extremum, _soft, _loss, _setting, _look_up, _call, _map, _derivative, _branch, _loop,
    _repeat, _ruled,
)  # fmt: skip
_OF_FUNCTIONS = (_call, _map, _derivative, _branch, _loop, _repeat, _ruled)


def _draw_steps(s: _Scope, count: int) -> None:
    """Draw steps of any family; one that does not fit is replaced by a binary step or left out."""
    families = _FAMILIES if s.depth < 2 else [f for f in _FAMILIES if f not in _OF_FUNCTIONS]
    for _ in range(count):
        family = s.one_of(families)
        if not family(s):
            _binary(s)
    if not s.steps:
        s.add("neg", s.operand(s.visible[-1]))


# ------------------------------------------------------------------------------------------ expressions


def drawn_expression(draw: Draw) -> Program:
    """Draw a program of rows on one to four numbers, which can be evaluated with any number type.

    Every row is inside its domain and away from its kinks. The result is the sum of all results, so that
    each step counts.
    """
    s = _Scope(draw, "smooth")
    s.avoids_kinks = True
    point = tuple(s.number() for _ in range(s.whole(1, 4)))
    for number in point:
        s.know(_Known(number, True, True, 1, (number, number)))
    for _ in range(s.whole(2, 8)):
        if not s.one_of((_unary, _binary, _of_numbers))(s):
            s.add("neg", s.operand(s.visible[-1]))
    s.add("sum of", *map(Operand, s.visible[len(point) :]))
    variables = tuple(Array(i, (), ((number,), (number + 1e-3,))) for i, number in enumerate(point))
    of = Container("list", "x", variables), Container("tuple", "d", ())
    return Program("smooth", *of, tuple(s.steps), (s.visible[-1],), "bare", False)


@st.composite
def expressions(draw: st.DrawFn) -> Program:
    """Draw an expression by Hypothesis."""
    return drawn_expression(by_hypothesis(draw))


# --------------------------------------------------------------------------------------------- programs

SHAPES: Sequence[Shape] = [(), (3,), (2,), (1,), (2, 2), (2, 3), (3, 1), (1, 2), (4,), (3, 2)]
MANNERS = ("dyadic", "smooth", "special", "huge")
PLAIN = ("bare", "dict", "list", "tuple", "namedtuple", "nested")
KINDS = (*PLAIN, "module")
_FORMS = ("bare", "tuple", "list", "dict")


def drawn_program(
    draw: Draw,
    manners: Sequence[str] = MANNERS,
    size: int = 6,
    kinds: Sequence[str] = KINDS,
) -> Program:
    """Draw a program, with the numbers at two points and their storage.

    Parameters
    ----------
    draw : callable
        Draws integers, such as ``random.Random(0).randint``.
    manners : sequence of str
        The allowed manners of numbers, see `Program`.
    size : int
        The largest number of steps.
    kinds : sequence of str
        The allowed containers of the parameters.
    """
    s = _Scope(draw, "")
    manner = s.one_of(manners)
    names = s.one_of(NAMES)
    kind = s.one_of(kinds)
    parameters = _container(draw, names[0], kind, manner)
    data = _container(draw, names[1], s.one_of(PLAIN), manner, at_least=0)
    setting = Setting("linear" if manner == "dyadic" else "tanh")
    held = parameters.at(0, setting=setting) if kind == "module" else None
    scope = _Scope(draw, manner, (normalize("NFKC", names[0]), held) if held is not None else None)
    for array in (*parameters.arrays, *data.arrays):
        value = array.at(0)
        interval = (float(np.min(value)), float(np.max(value)))
        boxed = array.shape == () and array.storage != "plain"
        scope.know(_Known(value, True, True, 1, interval, boxed))
    if held is not None:
        _setting(scope)
    _draw_steps(scope, s.whole(1, size))
    form = s.one_of(_FORMS)
    # Unused results are returned, so that every step counts; a result or argument may be returned twice.
    unused = [step.number for step in scope.steps if not is_used(step.number, scope.steps)]
    results = [*unused[::-1], *([s.one_of(scope.visible)] if s.one_of((False, True)) else [])]
    results = results[:1] if form == "bare" else results
    settled = all(scope.known[i].settled for i in results)
    return Program(manner, parameters, data, tuple(scope.steps), tuple(results), form, settled)


@st.composite
def programs(draw: st.DrawFn, /, **options: Any) -> Program:
    """Draw a program by Hypothesis, with the options of `drawn_program`."""
    return drawn_program(by_hypothesis(draw), **options)


def is_used(number: int, steps: Sequence[Step]) -> bool:
    """Return whether steps, or functions in them, use a result."""
    return any(
        any(operand.source == number for operand in step.operands)
        or (step.block is not None and (step.block.result == number or is_used(number, step.block.steps)))
        for step in steps
    )


def _container(draw: Draw, name: str, kind: Any, manner: str, at_least: int = 1) -> Container:
    """Draw the arrays of a container."""
    s = _Scope(draw, manner)
    size = 1 if kind == "bare" else s.whole(at_least, 3)
    # As names of parameters, 1 and "1" would coincide.
    pool = [key for key in KEYS if kind != "module" or isinstance(key, str)]
    start = s.whole(0, len(pool) - 1) if kind in ("dict", "nested", "module") else 0
    # Parameters are differentiated, so they are not stored as integers.
    storages = [storage for storage in STORAGES if at_least == 0 or "integers" not in storage]
    arrays = []
    for i in range(size):
        shape = s.one_of(SHAPES)
        numbers = _numbers(s, prod(shape))
        arrays.append(Array(pool[(start + i) % len(pool)], shape, numbers, s.one_of(storages)))
    return Container(kind, name, tuple(arrays))


def _numbers(s: _Scope, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Draw the numbers of an array at two points, with many repeats."""
    first, other = ([s.number() for _ in range(s.whole(1, 3))] for _ in range(2))
    numbers = tuple(s.one_of(first) for _ in range(size))
    if s.manner == "smooth":
        # So close that nothing leaves its domain or changes its order.
        return numbers, tuple(x + 1e-5 * (i % 7 + 1) for i, x in enumerate(numbers))
    return numbers, tuple(s.one_of(other) for _ in range(size))
