"""Which module of a network a node belongs to, read from the names of the parameters that it uses.

The engine does not know networks. A parameter's label, such as ``layers.0.neurons.3.w[1]``, says where
it lives, and what is computed from it with one neuron's parameters alone is that neuron's.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...engine.graph import operands
from ...engine.value import Value
from ...printable import printable


def modules_of(order: Sequence[Value]) -> dict[Value, str]:
    """Return the module of each node that belongs to one.

    A node belongs to a module when it combines something with parameters of that module, or when all
    that it is computed from belongs to the module and, a constant in it, the network goes on after it.
    So the ``1 - t * s`` of a hinge loss is not taken for a part of the last neuron.

    Parameters
    ----------
    order : sequence of Value
        The nodes of a graph, each after its operands.

    Returns
    -------
    dict
        Path of the module, such as ``layers.0.neurons.3``; nodes of no module are left out.

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
    """Return whether a node has parameters among its operands, and something else: p * p is a penalty."""
    uses = [operand in parameters for operand in operands(node)]
    return any(uses) and (not all(uses) or len(uses) < len(node.args))


def _before_a_use(order: Sequence[Value], parameters: set[Value]) -> set[Value]:
    """Return the nodes from which a later use of parameters depends."""
    found: set[Value] = set()
    for node in reversed(order):
        if node in found or _combines(node, parameters):
            found.update(operands(node))
    return found


def enclosing(path: str) -> list[str]:
    """Return the modules that a module is in, from the outermost to itself.

    Examples
    --------
    >>> enclosing("encoder.layers.0.neurons.3")
    ['encoder', 'encoder.layers.0', 'encoder.layers.0.neurons.3']
    """
    parts = path.split(".")
    ends = [i for i in range(len(parts)) if i + 1 == len(parts) or not parts[i + 1].isdigit()]
    return [".".join(parts[: end + 1]) for end in ends]


def within(name: str, path: str) -> str:
    """Return a name as it is called inside a module.

    Examples
    --------
    >>> within("layers.0.neurons.3.w[1]", "layers.0.neurons.3"), within("x", "layers.0")
    ('w[1]', 'x')
    """
    return name.removeprefix(f"{path}.") if path else name
