"""Copy and pickle graphs of any depth; nodes that are shared stay shared.

`copy` and `pickle` go from an object to those it refers to by recursion, which fails after a few hundred
nodes. So a node hands over the whole graph below it at once, and only refers to nodes that were handed over
before, for another node of the same list or module.
"""

from __future__ import annotations

import copy
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..ops.table import COMPARISONS, OPS
from .attach import attach
from .description import IN_TUPLES
from .gradients import NOT_YET
from .levels import is_variable
from .stand_ins import STAND_IN, Operands, Represented
from .value import Value

_ROWS = {op.name: op for op in (*OPS.values(), *COMPARISONS.values())}

# A copy has no marks, levels and weak references.
_KEPT = ("_data", "_dx", "_dy", "_edges", "_x", "_y", "op")

_OTHERS = ("_about", "_adjoint", "_grad", "_level", "_mark")


def shallow_copy(node: Value) -> Any:
    """Return a node of the same numbers, operands and gradient.

    Examples
    --------
    >>> x = Value(2.0, label="x")
    >>> copy.copy(x) is x, copy.copy(x).label, copy.copy(x * 3.0).args[0] is x
    (False, 'x', True)
    """
    twin = _blank(type(node))
    _fill(twin, node, {})
    _set_extras(twin, _extras(node))
    twin._level = node._level
    return twin


def deep_copy(node: Value, memo: dict[int, Any]) -> Any:
    """Return a copy of a node and of all that it depends on, except for nodes that `memo` holds already.

    Examples
    --------
    >>> x = Value(2.0)
    >>> y, z = copy.deepcopy([x * x, x])
    >>> y.args[0] is z, z is x
    (True, False)
    """
    nodes = _reachable(node, lambda other: id(other) in memo)
    for original in nodes:
        memo[id(original)] = _blank(type(original))
    for original in nodes:
        twin = memo[id(original)]
        _fill(twin, original, memo)
        _set_extras(twin, copy.deepcopy(_extras(original), memo))
    return memo[id(node)]


def with_operands(twin: Value, node: Value, operands: Operands) -> Value:
    """Give a node the operation, partials and label of another, and some operands; return it.

    Examples
    --------
    >>> x, y = Value(2.0), Value(2.0)
    >>> twin = with_operands(Value(6.0), x * 3.0, Operands([y, 3.0]))
    >>> twin, twin.args[0] is y, twin.partials
    (Value(6.0, op='*'), True, (3.0, None))
    """
    twin._about, twin._level, twin.op = node._label_and_source(), node._level, node.op
    if operands:
        twin._x, twin._y, twin._edges = operands, node.partials, max(node._edges, IN_TUPLES)
    return twin


def stand_in(original: Value, copy: Value) -> Value:
    """Return a node that stands for another one without keeping it alive (`autograd.engine.stand_ins`).

    Examples
    --------
    >>> x = Value(2.0)
    >>> stand_in(x, Value(2.0)).args[0] is x
    True
    """
    node = Value(original._data)
    node._level, node.op = original._level, STAND_IN
    node._x, node._y, node._edges = Represented(original, copy), (1.0,), IN_TUPLES
    return node


def reduced(node: Value) -> tuple[Any, ...]:
    """Return what `pickle` writes for a node: a function that makes it, and the arguments.

    Examples
    --------
    >>> import pickle
    >>> x = Value(2.0)
    >>> y, z = pickle.loads(pickle.dumps([x * x, x]))
    >>> y.args[0] is z
    True
    """
    if _is_plain_leaf(node):
        grad = None if node.grad is NOT_YET else node.grad
        # By a function of ours: mypyc gives compiled classes a `__setstate__` for states of its own form.
        leaf = (type(node), node._data, node.label, grad)
        return _leaf, leaf, _extras(node), None, None, _set_extras
    home = _homes()
    piece = home.get(id(node), _nowhere)()
    if piece is None:
        piece = _Piece(_reachable(node, lambda other: _is_plain_leaf(other) or id(other) in home))
        piece.settle(home)
    return _member, (piece, piece.index[id(node)])


class _Piece:
    """Nodes that are pickled together: all that a node depends on, except for nodes of another piece.

    The pickler holds each piece until it has finished, and refers to it for nodes that it meets later.
    """

    def __init__(self, nodes: list[Value]) -> None:
        self.nodes = nodes
        self.index = {id(node): i for i, node in enumerate(nodes)}

    def settle(self, home: dict[int, weakref.ref[_Piece]]) -> None:
        """Enter the nodes of this piece in `home` as long as the piece lives."""
        members = tuple(self.index)

        def leave(reference: object) -> None:
            for member in members:
                home.pop(member, None)

        home.update(dict.fromkeys(members, weakref.ref(self, leave)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Blank nodes first, since the state may refer to them.
        return _blanks, ([type(node) for node in self.nodes],), self._state()

    def _state(self) -> tuple[Any, ...]:
        outside: list[Value] = []
        index = dict(self.index)

        def index_of(node: Value) -> int:
            if id(node) not in index:
                index[id(node)] = len(index)
                outside.append(node)
            return index[id(node)]

        rows = []
        extras = {}
        for i, node in enumerate(self.nodes):
            row = node.op.name if node.op is not None and _ROWS.get(node.op.name) is node.op else node.op
            grad = None if node.grad is NOT_YET else node.grad
            is_node = isinstance(grad, Value)
            operands = _encoded(node._x, index_of), _encoded(node._y, index_of)
            partials = node._dx, node._dy, node._edges
            rows.append(
                (
                    node._data,
                    row,
                    *operands,
                    *partials,
                    node._label_and_source(),
                    is_node,
                    _encoded(grad, index_of),
                )
            )
            if state := _extras(node):
                extras[i] = state
        return outside, rows, extras

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        outside, rows, extras = state
        nodes = [*self.nodes, *outside]
        for node, (data, row, x, y, dx, dy, edges, about, is_node, grad) in zip(
            self.nodes, rows, strict=True
        ):
            node._data, node._dx, node._dy, node._edges, node._about = data, dx, dy, edges, about
            node._x, node._y = _decoded(x, nodes), _decoded(y, nodes)
            node.op = _ROWS[row] if isinstance(row, str) else row
            node.grad = NOT_YET if grad is None else _decoded(grad, nodes) if is_node else grad
        for i, extra in extras.items():
            _set_extras(self.nodes[i], extra)


# Functions of their own: inside of a method, one that calls itself is part of a reference cycle, which would
# keep all nodes until the cyclic collector runs.
def _encoded(arg: Any, index_of: Callable[[Value], int]) -> Any:
    """Return the index of a node; of operands that of each; anything else unchanged."""
    if isinstance(arg, Operands):
        return [tuple([_encoded(item, index_of) for item in arg])]
    if isinstance(arg, Represented):
        return [_encoded(arg.original, index_of), _encoded(arg.copy, index_of)]
    if isinstance(arg, tuple):
        return tuple([_encoded(item, index_of) for item in arg])
    return index_of(arg) if isinstance(arg, Value) else arg


def _decoded(arg: Any, nodes: Sequence[Value]) -> Any:
    if isinstance(arg, tuple):
        return tuple([_decoded(item, nodes) for item in arg])
    if isinstance(arg, list):
        kind = Operands if len(arg) == 1 else Represented
        return kind(*[_decoded(item, nodes) for item in arg])
    return nodes[arg] if isinstance(arg, int) else arg


class _Homes(threading.local):
    """The piece of each node that is being pickled in a thread, by the id of the node."""

    def __init__(self) -> None:
        self.pieces: dict[int, weakref.ref[_Piece]] = {}


_of_thread = _Homes()


def _homes() -> dict[int, weakref.ref[_Piece]]:
    return _of_thread.pieces


def _nowhere() -> None:
    return None


def _leaf(kind: type[Value], data: float, label: str, grad: Any) -> Value:
    leaf: Value = _blank(kind)
    leaf._data, leaf.label = data, label
    leaf.grad = NOT_YET if grad is None else grad
    return leaf


def _blanks(kinds: Sequence[type[Value]]) -> _Piece:
    return _Piece([_blank(kind) for kind in kinds])


def _member(piece: _Piece, i: int) -> Value:
    return piece.nodes[i]


def _blank(kind: type[Value]) -> Any:
    """Return a leaf of a class without its own `__init__`, which may take arguments or have effects."""
    node = Value.__new__(kind)
    Value.__init__(node, 0.0)
    return node


def _reachable(root: Value, is_known: Callable[[Value], bool]) -> list[Value]:
    """Return a node and all that it depends on, gradients that are nodes included, except for known nodes."""
    found = {id(root): root}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        x = node._x
        if isinstance(x, Represented):
            x = (x.original, x.copy)
        for arg in (*(x if isinstance(x, tuple) else (x,)), node._y, node.grad):
            if isinstance(arg, Value) and id(arg) not in found and not is_known(arg):
                found[id(arg)] = arg
                waiting.append(arg)
    return list(found.values())


def _is_plain_leaf(node: Value) -> bool:
    """Return whether a leaf refers to no other node."""
    return node.op is None and not isinstance(node.grad, Value)


def _fill(twin: Value, node: Value, copied: dict[int, Any]) -> None:
    """Give a copy the attributes of the node, with copies in place of the nodes that were copied."""
    for slot in _KEPT:
        setattr(twin, slot, getattr(node, slot))
    twin._about = node._label_and_source()
    twin._x, twin._y, twin.grad = (_copied(arg, copied) for arg in (node._x, node._y, node.grad))


def _copied(arg: Any, copied: dict[int, Any]) -> Any:
    if isinstance(arg, Represented):
        return Represented(_copied(arg.original, copied), _copied(arg.copy, copied))
    if isinstance(arg, tuple):
        return type(arg)([_copied(item, copied) for item in arg])
    return copied.get(id(arg), arg) if isinstance(arg, Value) else arg


def _extras(node: Value) -> Any:
    """Return what a subclass added to a node, as `object.__getstate__` does: None, or (dict, slots)."""
    if type(node) is Value:
        return None
    state: Any = object.__getstate__(node)  # type: ignore[attr-defined, unused-ignore]
    attributes, slots = state if isinstance(state, tuple) else (state, {})
    own = {name: item for name, item in slots.items() if name not in _KEPT + _OTHERS}
    return (attributes, own) if attributes or own else None


def _set_extras(node: Value, extras: Any) -> None:
    for state in extras or ():
        for name, item in (state or {}).items():
            setattr(node, name, item)


# ------------------------------------------------------------------------- as `copy` and `pickle` call it


def _copy(node: Value) -> Any:
    if is_variable(node):
        node._plain("copy.copy(v)")
    return shallow_copy(node)


def _deepcopy(node: Value, memo: dict[int, Any]) -> Any:
    if node._level:
        node._plain("copy.deepcopy(v)")
    return deep_copy(node, memo)


def _reduce_ex(node: Value, protocol: Any) -> Any:
    if node._level:
        node._plain("pickle.dumps(v)")
    return reduced(node) if type(node).__reduce__ is object.__reduce__ else node.__reduce__()


attach(__copy__=_copy, __deepcopy__=_deepcopy, __reduce_ex__=_reduce_ex)
