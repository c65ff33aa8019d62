"""Functions with derivatives of their own: their calls, and the nodes that their results are.

A result is one node, an operation that is named after the function; its operands are the numbers of the
arguments. Its value is always what the function itself returns. The rule is called with `Value`s, so that
what it computes can be differentiated again. It is called once when the node is made, which tells what of
each result depends on which argument: element by element, a function of arrays has as many edges as elements,
not as many as pairs of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from ..engine.apply import record, record_by_rule
from ..engine.graph import consumers_first
from ..engine.levels import highest_open, is_variable, open_levels
from ..engine.tracing import may_be_traced, trace_also
from ..engine.user_line import user_line
from ..engine.value import Value
from ..ops.structural import Instructions, Structural
from ..quiet import quiet
from .module_copies import values_within
from .sweeps import number_in
from .trees import Leaf, Structure, leaves_of, numbers_of, unflatten

Function = Callable[..., Any]
Scalar = Value | float
Row = list[Any]
"""For each operand what flows to it, or its partial; None for nothing."""

_plain: ContextVar[frozenset[int]] = ContextVar("plain", default=frozenset())
"""The functions, by id, that are called as if they had no rule: a rule may call the function itself."""

_transposed: ContextVar[frozenset[int]] = ContextVar("transposed", default=frozenset())
"""The levels of tangents in which a rule is being transposed. A function that it calls with such a tangent is
linear, and has no rule for its transpose: what it records is transposed."""


@contextmanager
def _set(variable: ContextVar[frozenset[int]], to: frozenset[int]) -> Iterator[None]:
    """Set a variable of this thread inside the block."""
    before = variable.get()
    try:
        variable.set(to)
        yield
    finally:
        variable.set(before)


def as_plain(function: CustomFunction) -> AbstractContextManager[None]:
    """Call a function inside the block as if it had no rule."""
    return _set(_plain, _plain.get() | {id(function)})


def transposing(level: int) -> AbstractContextManager[None]:
    """Call functions of tangents of a level inside the block as if they had no rule."""
    return _set(_transposed, _transposed.get() | {level})


class CustomFunction:
    """A function with a rule for its derivative."""

    has_flows: ClassVar[bool] = False
    """Whether the rule says itself what flows back from a node, which else its partials say."""

    def __init__(self, fun: Function, nondiff_argnums: Iterable[int]) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        # Found once, since that takes 60 us. Of some functions Python does not know it.
        try:
            self._signature: inspect.Signature | None = inspect.signature(fun)
        except (TypeError, ValueError):
            self._signature = None
        self.nondiff_argnums = tuple(nondiff_argnums)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result, as nodes of this function where an argument is a `Value`."""
        self._check_rule()
        if id(self) in _plain.get():
            return self.fun(*args, **kwargs)
        given = self._positional(args, kwargs)
        constants = {i % len(given): given[i] for i in self.nondiff_argnums} if given else {}
        own = tuple([arg for i, arg in enumerate(given) if i not in constants])
        leaves, structure = leaves_of(own, f"an argument of {self.name}", exact=True)
        numbers = numbers_of(leaves)
        nodes = [number for number in numbers if isinstance(number, Value)]
        if not nodes or highest_open(nodes, {*_transposed.get()}, is_any=True):
            return self.fun(*given)
        if _has_module(structure):
            raise TypeError(f"{self.name} expected numbers and arrays, got a model; pass its parameters")
        return CustomCall(self, constants, structure, numbers).result(numbers)

    @property
    def name(self) -> str:
        """What its nodes are called."""
        return getattr(self.fun, "__name__", type(self.fun).__name__)

    def __reduce__(self) -> str:
        # What it decorates is found by its name, which finds this.
        return getattr(self.fun, "__qualname__", self.name)

    def _positional(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return all arguments by position, those that were left out as well."""
        signature = self._signature
        if signature is None or (not kwargs and len(args) == len(signature.parameters)):
            return args
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(
                f"{self.name} expected arguments by position, got {', '.join(bound.kwargs)} by name"
            )
        return bound.args

    def _check_rule(self) -> None:
        raise NotImplementedError

    def dependence(self, call: CustomCall, operands: Sequence[Scalar]) -> list[Row]:
        """Return for each number of the result its partials, and keep what a backward sweep needs."""
        raise NotImplementedError

    def pulled(self, call: CustomCall, k: int, operands: Sequence[Scalar], adjoint: Scalar) -> Row:
        """Return what flows back from one number of the result."""
        raise NotImplementedError

    def pushed(self, call: CustomCall, k: int, operands: Sequence[Scalar], tangents: Row) -> Scalar:
        """Return the tangent of one number of the result; None for an operand that stands still."""
        raise NotImplementedError

    def flows(self, call: CustomCall, k: int, operands: Sequence[Scalar], adjoint: Scalar) -> Row:
        """Return what flows back in a sweep that is not differentiated again, where `has_flows`."""
        raise NotImplementedError


class CustomCall:
    """One call of such a function.

    Attributes
    ----------
    constants : dict of int to any
        The arguments that are not differentiated, by position.
    structure, form : Structure
        Of the other arguments, as a tuple, and of the result.
    saved : any
        What a backward sweep of numbers needs, and is of nobody else's use.
    program : (list of Value, list of Value or float) or None
        While a function is traced: operands, and the numbers of the result as functions of them.
    """

    def __init__(
        self, function: CustomFunction, constants: Mapping[int, Any], structure: Structure, numbers: Row
    ) -> None:
        self.function, self.constants, self.structure = function, constants, structure
        self._kinds = [type(number) if isinstance(number, int) else None for number in numbers]
        self._is_traced = any(isinstance(number, Value) and may_be_traced(number) for number in numbers)
        self.form: Structure = Leaf(())
        self.saved: Any = None
        self.program: tuple[list[Scalar], list[Any]] | None = None

    def own_arguments(self, operands: Sequence[Scalar]) -> Any:
        """Return the arguments that are differentiated, in a tuple, with integers as integers."""
        pairs = zip(self._kinds, operands, strict=True)
        return unflatten(self.structure, [n if kind is None else kind(n) for kind, n in pairs], argument=True)

    def arguments(self, operands: Sequence[Scalar]) -> list[Any]:
        """Return all arguments."""
        own = iter(self.own_arguments(operands))
        total = len(self.constants) + len(self.structure.parts)  # type: ignore[union-attr]
        return [self.constants[i] if i in self.constants else next(own) for i in range(total)]

    def new_leaves(self, numbers: Sequence[Scalar]) -> list[Any]:
        """Return new nodes of the same numbers, which nobody knows either while the function is traced."""
        leaves = [Value(number_in(number)) for number in numbers]
        if self._is_traced:
            trace_also(leaves)
        return leaves

    def result(self, numbers: Row) -> Any:
        """Return the result, whose numbers are nodes."""
        fresh = self.new_leaves([number if isinstance(number, Value) else 0.0 for number in numbers])
        inside = [new if isinstance(n, Value) else n for n, new in zip(numbers, fresh, strict=True)]
        name = self.function.name
        with as_plain(self.function):
            leaves, self.form = leaves_of(
                self.function.fun(*self.arguments(inside)), f"the result of {name}", exact=True
            )
            outputs = numbers_of(leaves)
            self._check_captured([out for out in outputs if isinstance(out, Value)], fresh)
            # NumPy's warnings would be about partials that nobody may ask for.
            with quiet():
                rows = self.function.dependence(self, inside)
        if self._is_traced:
            self.program = inside, outputs
        operands = tuple([n if isinstance(n, Value) else float(n) for n in numbers])
        nodes = [
            out if isinstance(out, int) else self._node(k, out, operands, row)
            for k, (out, row) in enumerate(zip(outputs, rows, strict=True))
        ]
        return unflatten(self.form, nodes)

    def _node(self, k: int, out: Scalar, operands: tuple[Scalar, ...], row: Row) -> Value:
        partials = tuple([p if isinstance(x, Value) else None for x, p in zip(operands, row, strict=True)])
        make = record_by_rule if self.function.has_flows else record
        return make(CustomOperation(self, k), number_in(out), operands, partials)

    def _check_captured(self, outputs: Sequence[Value], own: Sequence[Value]) -> None:
        """Raise if the result depends on a node that is no argument: its derivative would be lost."""
        named = values_within(self.function.fun) if outputs else set()
        others, levels = named.difference(own), open_levels() - {node._level for node in own}
        of_derivatives = open_levels(traces=False)
        for node in consumers_first(*outputs):
            # In a trace, the function may have stacked samples of its own, which are variables as well.
            is_leaf = not node.args or node._level in of_derivatives
            if node in others or (is_leaf and node._level in levels and is_variable(node)):
                raise TypeError(
                    f"{self.function.name} uses {Value(node._data)!r}, which is not one of its arguments, so "
                    f"that its rule says nothing of that derivative, at {user_line()}; pass it as an "
                    "argument, for which the rule may return 0"
                )


class CustomOperation(Structural):
    """One number of the result of a function with a rule of its own, as a function of all its arguments."""

    variadic = True
    is_written_out = True
    computes = True

    def __init__(self, call: CustomCall, k: int) -> None:
        self._call, self._k = call, k

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the function."""
        return self._call.function.name

    def pull(
        self, node: Any, adjoint: Any, wanted: Container[Any], lengths: Mapping[Any, int]
    ) -> Sequence[Any]:
        """Return what the rule lets flow back."""
        flows = self._call.function.pulled(self._call, self._k, node.args, adjoint)
        return [
            flow if partial is not None and isinstance(arg, Value) and arg in wanted else None
            for arg, partial, flow in zip(node.args, node.partials, flows, strict=True)
        ]

    def push(self, node: Any, tangents: Sequence[Any]) -> Any:
        """Return the tangent that the rule gives."""
        moving = [None if p is None else t for t, p in zip(tangents, node.partials, strict=True)]
        return self._call.function.pushed(self._call, self._k, node.args, moving)

    def flows(self, node: Any, adjoint: Any) -> Sequence[Any]:
        """Return what flows back in a sweep that is not differentiated again."""
        found = self._call.function.flows(self._call, self._k, node.args, adjoint)
        is_number = not isinstance(adjoint, Value)
        return [
            None if partial is None or flow is None else number_in(flow) if is_number else flow
            for partial, flow in zip(node.partials, found, strict=True)
        ]

    def apply(self, *operands: Any) -> Any:
        """Return the same number of the result for other arguments."""
        result = self._call.function(*self._call.arguments(operands))
        return numbers_of(leaves_of(result, f"the result of {self.name}", exact=True)[0])[self._k]

    def written(self, operands: Sequence[str], *, latex: bool = False) -> str:
        """Return the function with its arguments, and which number of its result it is."""
        name = rf"\operatorname{{{self.name}}}".replace("_", r"\_") if latex else self.name
        inside = ", ".join(operands)
        text = rf"{name}\left({inside}\right)" if latex else f"{name}({inside})"
        if self._call.form == Leaf(()):
            return text
        return f"{text}_{{{self._k}}}" if latex else f"{text}[{self._k}]"

    def simplified(self, tape: Instructions, args: tuple[int, ...], lengths: Sequence[int]) -> int | None:
        """Return what the function records, as instructions."""
        assert self._call.program is not None
        inputs, outputs = self._call.program
        out = outputs[self._k]
        if not isinstance(out, Value):
            return tape.constant(float(out))
        made: dict[Any, int] = {n: arg for n, arg in zip(inputs, args, strict=True) if isinstance(n, Value)}
        for node in reversed(consumers_first(out)):
            if node in made:
                continue
            if node.op is None:
                made[node] = tape.constant(node._data)
                continue
            own = [made[arg] if isinstance(arg, Value) else tape.constant(arg) for arg in node.args]
            made[node] = tape.add(node.op, tuple(own))
        return made[out]


def _has_module(structure: Structure) -> bool:
    if isinstance(structure, Leaf):
        return False
    return hasattr(structure.build_argument, "copied") or any(map(_has_module, structure.parts))
