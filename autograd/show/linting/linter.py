"""The linter: from the graph of a loss, what went wrong in training, where, how badly, and what to try.

Which nodes make up a neuron, and which neurons a layer, is read from the names of the parameters
(`autograd.show.text.modules`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from reprlib import repr as brief
from typing import Any

from ...engine.graph import nodes
from ...engine.value import Value
from ..text.caller_names import names_for_caller
from ..text.modules import modules_of
from ..text.sweep_steps import steps
from .checks import CHECKS
from .findings import LintReport, folded
from .network import Subject


def lint(loss: Value, model: Any = None, *, names: Mapping[str, Any] | None = None) -> LintReport:
    """Find out what went wrong in training, without changing any ``grad``.

    It looks for values and gradients that are not finite, and where they arise; ReLU neurons that are 0 on
    every sample; saturated sigmoid and tanh neurons; parameters that do not affect the loss, or whose
    gradient is exactly 0; layers with vanishing or exploding gradients; and repeated operations. Neurons and
    layers are recognised by the labels of their parameters, such as ``layers.0.neurons.3.w[1]``, which
    `nn.Module` assigns.

    Parameters
    ----------
    loss : Value
        The loss of a whole batch: for a single sample, half of all ReLUs are 0 anyway.
    model : object with ``named_parameters()``, optional
        The model, such as an `nn.Module`; by default, all labelled leaves count as parameters.
    names : mapping, optional
        Variables to name nodes without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    LintReport
        A tuple of `Finding`, the most severe first.

    Raises
    ------
    TypeError
        If `loss` is not a `Value`, or `model` does not name its parameters.

    Examples
    --------
    >>> from autograd import sqrt
    >>> x, w = Value(0.0, label="x"), Value(2.0, label="w")
    >>> lint(sqrt(x) + w)
    1 finding: 4 nodes, 2 parameters
    error: non-finite: v1
      backward: in sqrt(x = 0.0) the gradient 1 times the partial inf for x gives inf
      try: keep the operands off such a point, as in sqrt(x + 1e-12); a where() around it is no help, ...
    >>> lint(w * w)
    nothing found: 2 nodes, 1 parameter
    """
    if not isinstance(loss, Value):
        raise TypeError(
            f"lint expected the loss as one Value, got {brief(loss)} ({type(loss).__name__}); "
            "call lint(loss, model), with the sum or the mean of the losses of a batch"
        )
    order = nodes(loss)
    adjoints = {step.node: step.adjoint for step in steps(loss, names={})}
    name_of = names_for_caller(order, names)
    subject = Subject(order, _parameters(order, model), adjoints, modules_of(order), name_of)
    found = [finding for check in CHECKS for finding in folded(check(subject))]
    return LintReport(found, len(order), len(subject.parameters))


def _parameters(order: Sequence[Value], model: Any) -> list[tuple[str, Value]]:
    if model is None:
        return [(node.label, node) for node in order if node.op is None and node.label]
    if isinstance(model, type) or not callable(getattr(model, "named_parameters", None)):
        raise TypeError(
            "lint expected a model with named_parameters(), such as an nn.Module, got "
            f"{brief(model)} ({type(model).__name__}); call lint(loss) to take the labelled leaves"
        )
    pairs = list(model.named_parameters())
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], Value)):
            raise TypeError(f"expected named_parameters() to yield pairs of a name and a Value, got {pair!r}")
    return pairs
