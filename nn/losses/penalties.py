"""Penalties on the size of weights."""

from __future__ import annotations

from autograd import Value, dot, sum

from ..modules.module import Module


def is_bias(name: str) -> bool:
    """Return whether a parameter is a bias: of an attribute ``b`` or ``bias``.

    Parameters
    ----------
    name : str
        Its name in `Module.named_parameters`.

    Returns
    -------
    bool
        Whether it says where, not how steep (D8).

    Examples
    --------
    >>> [name for name in ("layers.0.neurons.3.b", "out.bias[2]", "slab") if is_bias(name)]
    ['layers.0.neurons.3.b', 'out.bias[2]']
    """
    return name.rpartition(".")[2].partition("[")[0] in ("b", "bias")


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
    return [parameter for name, parameter in model.named_parameters() if not is_bias(name)]
