"""Penalties on the size of weights."""

from __future__ import annotations

from autograd import Value, dot

from ..modules.module import Module


def l2_penalty(model: Module, strength: float) -> Value:
    """Return ``strength / 2 · Σ w²`` over the weights, without the biases (D8).

    Parameters
    ----------
    model : Module
        The model. A parameter whose name is ``b``, or ends in ``.b``, is a bias.
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
    weights = [p for name, p in model.named_parameters() if name.rpartition(".")[2] != "b"]
    return 0.5 * strength * dot(weights, weights)  # type: ignore[no-any-return]
