"""`custom_jvp` and `custom_vjp`: functions whose derivatives the user gives as rules."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from ..engine.graph import consumers_first
from ..engine.value import Value
from ..engine.variables import under_differentiation
from ..quiet import quiet
from .custom_functions import CustomCall, CustomFunction, Function, Row, Scalar, as_plain, transposing
from .sweeps import adjoints_of, number_in, pull
from .trees import Branch, flatten_like, leaves_of, numbers_of, unflatten


def custom_jvp(fun: Function, nondiff_argnums: Iterable[int] = ()) -> CustomJvp:
    """Return a function whose derivative is a rule for tangents, given by `defjvp` or `defjvps`.

    Parameters
    ----------
    fun : callable
        A function of numbers, arrays, and nested lists, tuples and dicts of them.
    nondiff_argnums : iterable of int
        The positions of arguments that are not differentiated, which may be anything. The rule gets them
        first, one by one.

    Returns
    -------
    callable
        The function. ``f.defjvp(rule)`` sets ``rule(primals, tangents)``, which returns the pair of the
        result and its tangent. ``f.defjvps(*rules)`` sets a rule for each argument,
        ``rule(tangent, out, *primals)``, or None for one without derivative; their results are added up.

    Raises
    ------
    AttributeError
        By the function, before it has a rule.
    TypeError
        By the function, for an argument that is a model; where it depends on a `Value` that is no argument.

    Examples
    --------
    >>> from autograd import exp, grad, log1p
    >>> @custom_jvp
    ... def log1pexp(x):
    ...     return log1p(exp(x))
    >>> @log1pexp.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     return log1pexp(x), (1.0 - 1.0 / (1.0 + exp(x))) * t
    >>> grad(log1pexp)(100.0)
    1.0
    >>> log1pexp(Value(0.0))
    Value(0.6931471805599453, op='log1pexp')
    """
    return CustomJvp(fun, nondiff_argnums)


def custom_vjp(fun: Function, nondiff_argnums: Iterable[int] = ()) -> CustomVjp:
    """Return a function whose derivative is a rule for cotangents, given by `defvjp`.

    Parameters
    ----------
    fun : callable
        A function of numbers, arrays, and nested lists, tuples and dicts of them.
    nondiff_argnums : iterable of int
        The positions of arguments that are not differentiated, which may be anything. The rule for cotangents
        gets them first, one by one.

    Returns
    -------
    callable
        The function. ``f.defvjp(forward, backward)`` sets two functions: ``forward`` takes the arguments, and
        returns the pair of the result and anything that ``backward`` needs; ``backward(that, cotangent)``
        returns a tuple with the cotangent of each argument, or None for one without derivative. It should be
        linear in the cotangent. If it is not, as where gradients are clipped, it gets that of each number of
        the result on its own, and derivatives forward are those at a cotangent of 1.

    Raises
    ------
    AttributeError
        By the function, before it has a rule.
    TypeError
        By the function, for an argument that is a model; where it depends on a `Value` that is no argument.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import grad
    >>> @custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, g: (np.clip(g, -1.0, 1.0),))
    >>> grad(lambda x: 5.0 * clipped(x))(3.0)
    1.0
    """
    return CustomVjp(fun, nondiff_argnums)


class CustomJvp(CustomFunction):
    """A function whose derivative is a rule for tangents; `custom_jvp` makes one."""

    _rule: Function | None = None

    def defjvp(self, jvp: Function) -> Function:
        """Set the rule, and return it."""
        self._rule = jvp
        return jvp

    def defjvps(self, *jvps: Function | None) -> None:
        """Set a rule for each argument."""
        if self.nondiff_argnums:
            raise TypeError("defjvps expected a function without nondiff_argnums; use defjvp")

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
            out = self(*primals)
            pairs = zip(jvps, tangents, strict=True)
            parts = [jvp(tangent, out, *primals) for jvp, tangent in pairs if jvp is not None]
            leaves, form = leaves_of(out, f"the result of {self.name}", exact=True)
            total: list[Any] = [0.0 for _ in numbers_of(leaves)]
            for part in parts:
                own = flatten_like(form, part, f"a tangent of {self.name}", exact=True)
                total = [x + y for x, y in zip(total, own, strict=True)]
            return out, unflatten(form, total)

        self._rule = rule

    def _check_rule(self) -> None:
        if self._rule is None:
            raise AttributeError(f"{self.name} has no rule for its derivative yet; give it one by defjvp")

    def _tangents(
        self, call: CustomCall, operands: Sequence[Scalar], tangents: Sequence[Scalar]
    ) -> list[Scalar]:
        """Return the tangents of all numbers of the result."""
        assert self._rule is not None
        primals = call.own_arguments(operands)
        moved = unflatten(call.structure, tangents)
        pair = self._rule(*call.constants.values(), primals, moved)
        whose = f"the rule of {self.name}"
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"expected {whose} to return a pair (result, tangent), got {pair!r}")
        return flatten_like(call.form, pair[1], f"the tangent that {whose} returns", exact=True)

    def dependence(self, call: CustomCall, operands: Sequence[Scalar]) -> list[Row]:
        """Return for each number of the result its partials."""
        moving = call.new_leaves([1.0 if isinstance(n, Value) else 0.0 for n in operands])
        return [_partials(tangent, moving) for tangent in self._tangents(call, operands, moving)]

    def pulled(self, call: CustomCall, k: int, operands: Sequence[Scalar], adjoint: Scalar) -> Row:
        """Return what flows back from one number of the result: the transpose of the rule."""
        moving = [Value(1.0) for _ in operands]
        with under_differentiation(moving) as level, transposing(level):
            tangent = self._tangents(call, operands, moving)[k]
        if not isinstance(tangent, Value):
            return [None] * len(operands)
        order = consumers_first(tangent, level=level)
        return list(pull(order, [tangent], [adjoint], moving, as_graph=True))

    def pushed(self, call: CustomCall, k: int, operands: Sequence[Scalar], tangents: Row) -> Scalar:
        """Return the tangent of one number of the result."""
        return self._tangents(call, operands, [0.0 if t is None else t for t in tangents])[k]


class CustomVjp(CustomFunction):
    """A function whose derivative is a rule for cotangents; `custom_vjp` makes one."""

    has_flows = True
    _forward: Function | None = None
    _backward: Function | None = None

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the two functions of the rule."""
        self._forward, self._backward = fwd, bwd

    def _check_rule(self) -> None:
        if self._forward is None:
            raise AttributeError(f"{self.name} has no rule for its derivative yet; give it one by defvjp")

    def _saved(self, call: CustomCall, operands: Sequence[Scalar]) -> Any:
        """Return what the rule keeps of the arguments for going back."""
        assert self._forward is not None
        pair = self._forward(*call.arguments(operands))
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"expected the forward rule of {self.name} to return a pair (result, residuals), got {pair!r}"
            )
        return pair[1]

    def _cotangents(self, call: CustomCall, saved: Any, cotangents: Sequence[Scalar]) -> Row:
        """Return what flows to each operand; None for nothing."""
        assert self._backward is not None
        found = self._backward(*call.constants.values(), saved, unflatten(call.form, cotangents))
        assert isinstance(call.structure, Branch)
        parts = call.structure.parts
        if not isinstance(found, tuple | list) or len(found) != len(parts):
            raise TypeError(
                f"expected the backward rule of {self.name} to return a tuple with a cotangent for each of "
                f"{len(parts)} arguments, or None for one without derivative, got {found!r}"
            )
        flows: Row = []
        for part, cotangent in zip(parts, found, strict=True):
            whose = f"a cotangent that the rule of {self.name} returns"
            flows += (
                [None] * part.size if cotangent is None else flatten_like(part, cotangent, whose, exact=True)
            )
        return flows

    def dependence(self, call: CustomCall, operands: Sequence[Scalar]) -> list[Row]:
        """Return for each number of the result its partials, and keep the residuals."""
        call.saved = self._saved(call, operands)
        flowing = call.new_leaves([1.0] * call.form.size)
        flows = self._cotangents(call, call.saved, flowing)
        if call.form.size == 1:
            return [[None if _is_nothing(flow) else number_in(flow) for flow in flows]]
        return [list(row) for row in zip(*[_partials(flow, flowing) for flow in flows], strict=True)]

    def flows(self, call: CustomCall, k: int, operands: Sequence[Scalar], adjoint: Scalar) -> Row:
        """Return what flows back from one number of the result, by what was kept when it was computed."""
        if call.saved is None:
            with as_plain(self):
                call.saved = self._saved(call, call.new_leaves(operands))
        # NumPy's warnings would be about partials of rows that nobody sees.
        with quiet():
            return self._cotangents(call, call.saved, _basis(call.form.size, k, adjoint))

    def pulled(self, call: CustomCall, k: int, operands: Sequence[Scalar], adjoint: Scalar) -> Row:
        """Return what flows back from one number of the result."""
        return self._cotangents(call, self._saved(call, operands), _basis(call.form.size, k, adjoint))

    def pushed(self, call: CustomCall, k: int, operands: Sequence[Scalar], tangents: Row) -> Scalar:
        """Return the tangent of one number of the result: the transpose of the rule."""
        partials = self.pulled(call, k, operands, 1.0)
        pairs = [(t, p) for t, p in zip(tangents, partials, strict=True) if t is not None and p is not None]
        terms = [tangent * partial for tangent, partial in pairs]
        return functools.reduce(lambda x, y: x + y, terms) if terms else 0.0


def _basis(size: int, k: int, number: Scalar) -> list[Scalar]:
    return [number if i == k else 0.0 for i in range(size)]


def _is_nothing(flow: Any) -> bool:
    """Return whether a cotangent is the constant 0 or None."""
    return flow is None or (not isinstance(flow, Value) and flow == 0.0)


def _partials(number: Any, leaves: Sequence[Value]) -> Row:
    """Return the partials of a number by some leaves; None where it does not depend on one."""
    if not isinstance(number, Value):
        return [None] * len(leaves)
    adjoints = adjoints_of(consumers_first(number), [number], [1.0], leaves, as_graph=False)
    return [adjoints.get(leaf) for leaf in leaves]
