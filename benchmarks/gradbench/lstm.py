"""The loss of an LSTM with diagonal weights that predicts the next of a sequence of characters."""

from typing import Any

import numpy as np

from autograd import grad, jit, log, scan, sigmoid, vmap

from .timed import Timed


def after_layer(weights: Any, biases: Any, hidden: Any, cell: Any, x: Any) -> Any:
    """Return the next hidden state and cell of a layer."""
    forget_w, ingate_w, outgate_w, change_w = weights.reshape(4, -1)
    forget_b, ingate_b, outgate_b, change_b = biases.reshape(4, -1)
    forget = sigmoid(x * forget_w + forget_b)
    ingate = sigmoid(hidden * ingate_w + ingate_b)
    outgate = sigmoid(x * outgate_w + outgate_b)
    cell = cell * forget + ingate * np.tanh(hidden * change_w + change_b)
    return outgate * np.tanh(cell), cell


def after_layers(main: Any, state: Any, x: Any) -> Any:
    """Return the next state of all layers, of which each gets the hidden state of the one before."""
    new_state: list[Any] = []
    for i in range(0, len(main), 2):
        new_state += after_layer(main[i], main[i + 1], state[i], state[i + 1], x)
        x = new_state[-2]
    return np.stack(new_state)


def log_likelihood(extra: Any, hidden: Any, y: Any) -> Any:
    """Return the logarithm of how likely a character is after a hidden state."""
    prediction = hidden * extra[1] + extra[2]
    return y @ (prediction - log(np.exp(prediction).sum() + 2.0))


def loss(parameters: Any, state: Any, xs: Any, ys: Any) -> Any:
    """Return the mean loss of the predictions of each character y from the one before it, x."""
    main, extra = parameters

    def step(state: Any, x: Any) -> Any:
        state = after_layers(main, state, x * extra[0])
        return state, state[-2]

    _, hidden = scan(step, state, xs)
    return -vmap(log_likelihood, in_axes=(None, 0, 0))(extra, hidden, ys).sum() / ys.size


def prepare(message: Any) -> Any:
    """Return the parameters, the state and the sequence."""
    parameters = np.array(message["main_params"]), np.array(message["extra_params"])
    sequence = np.array(message["sequence"])
    return parameters, np.array(message["state"]), sequence[:-1], sequence[1:]


value = jit(loss)
slope = jit(grad(loss))

FUNCTIONS = {
    "objective": Timed(lambda given: value(*given), prepare),
    "jacobian": Timed(
        lambda given: slope(*given), prepare, lambda found: np.concatenate(found, axis=None).tolist()
    ),
}
