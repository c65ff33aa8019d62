"""Penalties on the size of weights."""

from __future__ import annotations

from autograd import Value, dot, sum

from ..modules.module import Module

_BIASES = ("b", "bias")


def l2_penalty(model: Module, strength: float) -> Value:
    """Return ``strength / 2 · Σ w²`` over the weights, without the biases (D8).

    Parameters
    ----------
    model : Module
        The model. Parameters of an attribute ``b`` or ``bias``, its own or of one of its modules, are biases.
    strength : float
        λ; for m samples, the λ/m of the notes.

    Returns
    -------
    Value
        A term to add to a loss.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(2, rng=0)
    >>> neuron.load_state_dict({"w[0]": 1.0, "w[1]": 2.0, "b": 9.0})
    >>> l2_penalty(neuron, 0.1).data
    0.25
    """
    weights = _weights(model)
    return 0.5 * strength * dot(weights, weights)  # type: ignore[no-any-return]


def l1_penalty(model: Module, strength: float) -> Value:
    """Return ``strength · Σ |w|`` over the weights, without the biases: it drives weights to 0.

    Parameters
    ----------
    model : Module
        As in `l2_penalty`.
    strength : float
        λ; its derivative is λ times the sign of a weight, and 0 at 0.

    Returns
    -------
    Value
        A term to add to a loss.

    Examples
    --------
    >>> from nn import Neuron
    >>> neuron = Neuron(2, rng=0)
    >>> neuron.load_state_dict({"w[0]": 1.0, "w[1]": -2.0, "b": 9.0})
    >>> round(l1_penalty(neuron, 0.1).data, 12)
    0.3
    """
    return strength * sum([abs(weight) for weight in _weights(model)])  # type: ignore[no-any-return]


def _weights(model: Module) -> list[Value]:
    """Return the parameters that are no biases: a bias says where, not how steep (D8)."""
    names = ((name.rpartition(".")[2].partition("[")[0], p) for name, p in model.named_parameters())
    return [parameter for name, parameter in names if name not in _BIASES]
