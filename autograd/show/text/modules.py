"""The module of a network that a node belongs to, inferred from the labels of parameters.

The engine does not know about networks. The label of a parameter, such as ``layers.0.neurons.3.w[1]``, names
its module, and a node that is computed with the parameters of one module alone belongs to that module.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from ...engine.graph import operands
from ...engine.value import Value
from ...printable import printable


def modules_of(order: Sequence[Value]) -> dict[Value, str]:
    """Return the module of each node that belongs to one.

    A node belongs to a module if it combines a parameter of the module with something else, or if all of its
    operands belong to the module. A node with a constant operand belongs to it only if the network continues
    after it: so the ``1 - t * s`` of a hinge loss is no part of the last neuron.

    Parameters
    ----------
    order : sequence of Value
        The nodes of a graph, each after its operands.

    Returns
    -------
    dict
        The path of the module, such as ``layers.0.neurons.3``, for each node that belongs to one.

    Examples
    --------
    >>> from autograd import dot, relu
    >>> from autograd.engine.graph import nodes
    >>> w, b = Value(2.0, label="layers.0.neurons.0.w[0]"), Value(1.0, label="layers.0.neurons.0.b")
    >>> loss = 1.0 - relu(dot([w], [3.0]) + b)
    >>> [node.op.name for node in nodes(loss) if node.op and node in modules_of(nodes(loss))]
    ['dot', 'add', 'relu']
    """
    labels = {node: printable(node.label, keep="\n") for node in order if node.op is None}
    found = {node: path for node, label in labels.items() if (path := label.rpartition(".")[0])}
    parameters = set(found)
    goes_on = _before_a_use(order, parameters)
    for node in order:
        used = operands(node)
        if _combines(node, parameters):
            homes = {found[operand] for operand in used if operand in parameters}
        elif node in goes_on or len(used) == len(node.args):
            homes = {found.get(operand, "") for operand in used} if set(used) - parameters else set()
        else:
            continue
        if len(homes) == 1 and (home := homes.pop()):
            found[node] = home
    return found


def _combines(node: Value, parameters: set[Value]) -> bool:
    """Return whether a node combines parameters with something else; p * p is a penalty."""
    uses = [operand in parameters for operand in operands(node)]
    return any(uses) and (not all(uses) or len(uses) < len(node.args))


def _before_a_use(order: Sequence[Value], parameters: set[Value]) -> set[Value]:
    """Return the nodes that a later use of parameters depends on."""
    found: set[Value] = set()
    for node in reversed(order):
        if node in found or _combines(node, parameters):
            found.update(operands(node))
    return found


def enclosing(path: str) -> list[str]:
    """Return the modules that contain a module, from the outermost to the module itself.

    Examples
    --------
    >>> enclosing("encoder.layers.0.neurons.3")
    ['encoder', 'encoder.layers.0', 'encoder.layers.0.neurons.3']
    """
    parts = path.split(".")
    ends = [i for i in range(len(parts)) if i + 1 == len(parts) or not parts[i + 1].isdigit()]
    return [".".join(parts[: end + 1]) for end in ends]


def around_both(path: str, other: str) -> list[str]:
    """Return the modules that contain both of two modules, the outermost first; "" is outside of all.

    Examples
    --------
    >>> around_both("layers.0.neurons.3", "layers.0.neurons.12"), around_both("layers.0", "layers.1")
    (['layers.0'], [])
    """
    pairs = zip(enclosing(path), enclosing(other), strict=False)
    return [module for module, same in takewhile(lambda pair: pair[0] == pair[1], pairs) if module]


def within(name: str, path: str) -> str:
    """Return a name relative to a module.

    Examples
    --------
    >>> within("layers.0.neurons.3.w[1]", "layers.0.neurons.3"), within("x", "layers.0")
    ('w[1]', 'x')
    """
    return name.removeprefix(f"{path}.") if path else name
