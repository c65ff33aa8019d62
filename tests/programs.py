"""Array programs as data, which can be written as source in this project's words or in PyTorch's.

A program is a function ``f(p, d)`` of parameters, which are differentiated, and data, each a container of
arrays. It is stored as steps and executed from its source, so the source that a failing test prints runs.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from textwrap import indent
from typing import Any, Literal

import numpy as np
from oracles import public
from words import WORDS

import autograd
from autograd import OPS, Op, Value
from nn import Module, activations, losses

Language = Literal["ours", "plain", "torch", "rows"]
"""This project's words in drawn spellings or in the first ones, PyTorch's words, or calls of rows."""
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Constant:
    """Constant numbers with a shape, written into the program."""

    numbers: tuple[float, ...]
    shape: Shape = ()

    @property
    def array(self) -> Any:
        """The numbers as an array, or as a float if 0-d."""
        return np.array(self.numbers).reshape(self.shape) if self.shape else self.numbers[0]

    def text(self, language: Language) -> str:
        """Return the literal."""
        literal = repr(self.array.tolist() if self.shape else self.array)
        made = {"torch": "_tensor({})", "rows": "_number({})"}
        return made.get(language, "np.array({})" if self.shape else "{}").format(literal)


@dataclass(frozen=True)
class Operand:
    """An earlier result by number, or a constant; mapped into an interval, if given."""

    source: int | Constant
    interval: tuple[float, float] | None = None

    def text(self, language: Language) -> str:
        """Return the expression."""
        text = f"a{self.source}" if isinstance(self.source, int) else self.source.text(language)
        if self.interval is None:
            return text
        low, high = self.interval
        arctan = {"torch": "torch.arctan", "rows": "_arctan"}.get(language, "autograd.arctan")
        return f"({arctan}({text}) * {(high - low) / math.pi!r} + {(high + low) / 2!r})"


@dataclass(frozen=True)
class Block:
    """A function inside a program, which may also read earlier results."""

    parameters: tuple[int, ...]
    steps: tuple[Step, ...]
    result: int

    def text(self, name: str, language: Language) -> str:
        """Return the definition."""
        head = f"def {name}({', '.join(f'a{i}' for i in self.parameters)}):\n"
        lines = "\n".join([*(step.text(language) for step in self.steps), f"return a{self.result}"])
        return head + indent(lines, "    ")


@dataclass(frozen=True)
class Step:
    """One word, in one of its spellings, applied to operands."""

    number: int
    word: str
    operands: tuple[Operand, ...]
    spelling: int = 0
    options: tuple[tuple[str, Any], ...] = ()
    block: Block | None = None
    plain_spelling: int = 0

    def text(self, language: Language) -> str:
        """Return the lines of the step."""
        word = WORDS[self.word]
        spelling = self.spelling if language == "ours" else self.plain_spelling
        template = {"torch": word.torch, "rows": word.rows}.get(language, word.ours[spelling])
        texts = [operand.text(language) for operand in self.operands]
        name = f"f{self.number}"
        line = f"a{self.number} = " + template.format(
            *texts, all=", ".join(texts), f=name, **dict(self.options)
        )
        return line if self.block is None else f"{self.block.text(name, language)}\n{line}"


@dataclass(frozen=True)
class Array:
    """One array of a container: key, numbers at two points, and storage."""

    key: Any
    shape: Shape
    numbers: tuple[tuple[float, ...], ...]
    storage: str = "plain"

    def at(self, point: int, *, stored: bool = False) -> Any:
        """Return the array, or the float, at a point."""
        array = np.array(self.numbers[point], dtype=float).reshape(self.shape)
        return STORAGES[self.storage](array) if stored else array if self.shape else float(array)


@dataclass(frozen=True)
class Container:
    """Arrays in a list, tuple, named tuple, dict or module, or a single array."""

    kind: Literal["bare", "list", "tuple", "namedtuple", "dict", "nested", "module"]
    name: str
    arrays: tuple[Array, ...]

    def item(self, position: int) -> str:
        """Return the expression for one of the arrays."""
        key = self.arrays[position].key
        return {
            "bare": self.name,
            "namedtuple": f"{self.name}.w{position}",
            "dict": f"{self.name}[{key!r}]",
            "nested": f"{self.name}[0][{position}][{key!r}]",
            "module": f"{self.name}.held[{key!r}]",
        }.get(self.kind, f"{self.name}[{position}]")

    def build(self, parts: Sequence[Any], setting: Setting | None = None) -> Any:
        """Build a container of this kind from other parts."""
        keys = [array.key for array in self.arrays]
        match self.kind:
            case "bare":
                return parts[0]
            case "list":
                return list(parts)
            case "tuple":
                return tuple(parts)
            case "namedtuple":
                return _named(len(parts), self.name)(*parts)
            case "dict":
                return dict(zip(keys, parts, strict=True))
            case "nested":
                return ([{key: part} for key, part in zip(keys, parts, strict=True)], {})
            case "module":
                return Held(dict(zip(keys, parts, strict=True)), setting or Setting())

    def at(self, point: int, *, stored: bool = False, setting: Setting | None = None) -> Any:
        """Return the container with the numbers of a point."""
        return self.build([array.at(point, stored=stored) for array in self.arrays], setting)


@cache
def _named(size: int, name: str) -> Any:
    """Return a named tuple class, a different one of the same name for each program."""
    return namedtuple("Point", [f"w{i}" for i in range(size)])


@dataclass(frozen=True)
class Setting:
    """The settings of a module besides its parameters."""

    activation: str = "tanh"
    slope: float = 0.5


class Held(Module):
    """A module with parameters in arrays, and settings as plain attributes."""

    def __init__(self, arrays: Mapping[Any, Any], setting: Setting) -> None:
        self.held = {key: autograd.as_values(array) for key, array in arrays.items()}
        for key, array in self.held.items():
            self.held[key] = array if array.ndim else array[()]
        self.activation = activations.ACTIVATIONS[setting.activation]
        self.slope = setting.slope


@dataclass(frozen=True)
class Program:
    """A function of two containers, with two points to call it at.

    Attributes
    ----------
    manner : str
        ``"dyadic"``: no operation rounds, so every order of summation gives the same bits, and ties are
        frequent. ``"smooth"``: every row inside its domain. ``"special"``: infinities, nan and signed zeros
        anywhere. ``"huge"``: these and 1e308, by operations that round once.
    parameters, data : Container
        The arguments that are differentiated, and those that are not.
    steps : tuple of Step
        The steps, each with the number of its result.
    results : tuple of int
        The numbers of the returned results.
    form : str
        The container of the returned results.
    settled : bool
        Whether every correct evaluation of the results gives the same bits.
    """

    manner: str
    parameters: Container
    data: Container
    steps: tuple[Step, ...]
    results: tuple[int, ...]
    form: Literal["bare", "tuple", "list", "dict"]
    settled: bool

    def source(self, language: Language = "ours") -> str:
        """Return the source of the program."""
        first = 0
        lines = []
        for container in (self.parameters, self.data):
            for i in range(len(container.arrays)):
                item = container.item(i) if language == "ours" else f"{container.name}[{i}]"
                lines.append(f"a{first} = {item}")
                first += 1
        lines += [step.text(language) for step in self.steps]
        names = [f"a{i}" for i in self.results]
        returned = {
            "bare": names[0],
            "tuple": f"({', '.join(names)},)",
            "list": f"[{', '.join(names)}]",
            "dict": "{" + ", ".join(f"{key!r}: {name}" for key, name in enumerate(names)) + "}",
        }[self.form]
        body = indent("\n".join([*lines, f"return {returned}"]), "    ")
        return f"def program({self.parameters.name}, {self.data.name}):\n{body}\n"

    @cached_property
    def ours(self) -> Callable[[Any, Any], Any]:
        """The function in this project's words."""
        return executed(self.source(), NAMESPACE)

    @property
    def point(self) -> tuple[float, ...]:
        """All numbers of the parameters."""
        return tuple(number for array in self.parameters.arrays for number in array.numbers[0])

    def on(self, call: Callable[..., Any], number: Callable[[float], Any], variables: Sequence[Any]) -> Any:
        """Return the result of a program that only consists of rows, for variables of any number type.

        Rows are applied by ``call(op, *arguments)``, and `number` converts constants to that type.
        """
        namespace = {
            "_call": lambda name, *arguments: call(OPS[name], *arguments),
            "_number": number,
            "_arctan": lambda x: call(OPS["arctan"], x),
        }
        return executed(self.source("rows"), namespace)(variables, ())

    def graph(self) -> tuple[Value, list[Value]]:
        """Return the graph of a program that only consists of rows, and its variables."""
        variables = [Value(number, f"x{i}") for i, number in enumerate(self.point)]
        return self.on(call_public, float, variables), variables

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # Hypothesis prints this for a failure.
        printer.text(f"\n{self!r}")

    def __repr__(self) -> str:
        calls = "".join(
            f"# at {container.at(point, stored=True)!r} ({', '.join(a.storage for a in container.arrays)})\n"
            for point in (0, 1)
            for container in (self.parameters, self.data)
        )
        return f"# {self.manner}\n{calls}{self.source()}"


def call_public(op: Op, *arguments: Any) -> Any:
    """Apply a row to floats or `Value`s by its public function."""
    return public(op)(*arguments)


def executed(source: str, namespace: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function `program` that a source defines."""
    scope = dict(namespace)
    exec(compile(source, "<random program>", "exec"), scope)
    return scope["program"]  # type: ignore[no-any-return]


def in_a_worker(f: Callable[..., Any], *args: Any) -> Any:
    """Call a function in a worker thread."""
    with ThreadPoolExecutor(1) as pool:
        # NumPy's error settings are per thread.
        return pool.submit(np.errstate(all="ignore")(f), *args).result()


def _by_jvp(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function with a rule for its tangents, which is right."""
    g = autograd.custom_jvp(f)
    g.defjvp(lambda primals, tangents: autograd.jvp(f, primals, tangents))
    return g


def _by_vjp(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function with a rule for its cotangents, which is right."""
    g = autograd.custom_vjp(f)
    g.defvjp(lambda x: (f(x), x), lambda x, cotangent: autograd.vjp(f, x)[1](cotangent))
    return g


VIEWS: Mapping[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "reversed": lambda x: x[::-1],
    "transposed": lambda x: x.T,
}
"""Views of an array through which elements are assigned to."""


def _assigned(x: Any, place: Any, number: Any, view: str) -> Any:
    """Assign to an array through a view, and return twice the array before it less the one after it."""
    before = x * 2.0
    VIEWS[view](x)[place] = number
    return before - x


NAMESPACE: Mapping[str, Any] = {
    "autograd": autograd,
    "_assigned": _assigned,
    "_by_jvp": _by_jvp,
    "_by_vjp": _by_vjp,
    "np": np,
    "inf": math.inf,
    "nan": math.nan,
    "losses": losses,
    "_worker": in_a_worker,
}


# ---------------------------------------------------------------------------------------------- storage


def _strided(array: Any) -> Any:
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def _read_only(array: Any) -> Any:
    copied = array.copy()
    copied.flags.writeable = False
    return copied


def _if_equal(dtype: str) -> Callable[[Any], Any]:
    def converted(array: Any) -> Any:
        with np.errstate(all="ignore"):
            is_whole = dtype[0] != "i" or np.isfinite(array).all()
            other = array.astype(dtype) if is_whole else array
        # Integers have no -0.0.
        is_equal = np.array_equal(np.signbit(other), np.signbit(array)) and np.array_equal(
            other, array, equal_nan=True
        )
        return other if is_equal else array

    return converted


STORAGES: Mapping[str, Callable[[Any], Any]] = {
    "plain": lambda array: array if array.ndim else float(array),
    "strided": _strided,
    "reversed": lambda array: array[::-1].copy()[::-1] if array.ndim else array,
    "fortran": lambda array: np.asfortranarray(array) if array.ndim else np.float64(array),
    "read-only": _read_only,
    "0-d": lambda array: array,
    "float32": _if_equal("f4"),
    "swapped bytes": lambda array: array.astype(">f8"),
    "integers": _if_equal("i8"),
    "small integers": _if_equal("i1"),
}
"""Ways to store an array that keep its numbers."""


# ------------------------------------------------------------------------------------------------ trees


def leaves(tree: Any) -> Iterator[Any]:
    """Yield the arrays and numbers of a tree."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        for part in tree:
            yield from leaves(part)
    else:
        yield tree


def plain(tree: Any) -> Any:
    """Return a tree with `Value`s replaced by floats."""
    if isinstance(tree, Mapping):
        return {key: plain(part) for key, part in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(plain, tree))
    if isinstance(tree, list | tuple):
        return type(tree)(map(plain, tree))
    if isinstance(tree, Value):
        return tree.data
    if isinstance(tree, np.ndarray):
        return autograd.data(tree) if tree.dtype == object else tree
    return tree


def flat(tree: Any) -> Any:
    """Return all numbers of a tree in one array."""
    parts = [np.ravel(leaf) for leaf in leaves(plain(tree))]
    return np.concatenate([np.asarray(part, dtype=float) for part in parts]) if parts else np.zeros(0)


def total(tree: Any) -> Any:
    """Return the weighted sum of the arrays of a tree, each with a different weight."""
    parts = [autograd.sum(leaf.ravel().tolist() if np.ndim(leaf) else [leaf]) for leaf in leaves(tree)]
    return autograd.sum([part * (i + 1.0) for i, part in enumerate(parts)])
