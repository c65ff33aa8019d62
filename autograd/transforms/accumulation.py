"""`Value.backward` for gradients that are graphs, and in the middle of another sweep."""

from __future__ import annotations

from ..engine.attach import attach
from ..engine.gradient_graphs import without_cycles
from ..engine.gradients import add_to_gradients
from ..engine.graph import consumers_first
from ..engine.sweep_lock import sweep_lock
from ..engine.value import Value
from .sweeps import adjoints_of, number_in


def accumulate(root: Value, seed: float, create_graph: bool = False) -> None:
    """Sweep backward as `Value.backward` does, with adjoints that are kept apart from the nodes.

    So it may run in the middle of another sweep, and its adjoints may be `Value`s.

    Parameters
    ----------
    root : Value
        The result.
    seed : float
        Its adjoint.
    create_graph : bool
        Whether to leave `Value`s in the ``grad`` of leaves.

    Raises
    ------
    FloatingPointError
        In anomaly mode, where a finite adjoint becomes nan or inf.

    Examples
    --------
    >>> x = Value(2.0)
    >>> accumulate(x**3, 1.0, create_graph=True)
    >>> x.grad
    Value(12.0, op='*')
    """
    order = consumers_first(root, by_derivative=True)
    leaves = [node for node in order if node.op is None]
    # By all nodes, not by the leaves: a result that depends on none, as of a constant, has its gradient too.
    adjoints = adjoints_of(order, [root], [seed], order, create_graph)
    numbers = {node: number_in(adjoints.get(node, 0.0)) for node in order}
    found = [adjoints.get(leaf, 0.0) for leaf in leaves]
    if create_graph:
        as_nodes = [adjoint if isinstance(adjoint, Value) else Value(adjoint) for adjoint in found]
        found = [*without_cycles(as_nodes, set(consumers_first(root)))]
    for node, number in numbers.items():
        if node.op is not None:
            node.grad = number
    with sweep_lock:
        add_to_gradients(leaves, found)


attach(_accumulate=accumulate)
