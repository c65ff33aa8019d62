"""The loss of an LSTM with diagonal weights that predicts the next of a sequence of characters."""

from typing import Any

import numpy as np

from autograd import grad, jit, log, scan

from .timed import Timed


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of each number."""
    return 1.0 / (1.0 + np.exp(-x))


def after_layer(weights: Any, biases: Any, hidden: Any, cell: Any, x: Any) -> Any:
    """Return the next hidden state and cell of a layer."""
    forget_w, ingate_w, outgate_w, change_w = weights.reshape(4, -1)
    forget_b, ingate_b, outgate_b, change_b = biases.reshape(4, -1)
    forget = sigmoid(x * forget_w + forget_b)
    ingate = sigmoid(hidden * ingate_w + ingate_b)
    outgate = sigmoid(x * outgate_w + outgate_b)
    cell = cell * forget + ingate * np.tanh(hidden * change_w + change_b)
    return outgate * np.tanh(cell), cell


def predicted(main: Any, extra: Any, state: Any, x: Any) -> Any:
    """Return what the layers predict for the next character, and their next state."""
    new_state: list[Any] = []
    x = x * extra[0]
    for i in range(0, len(main), 2):
        new_state += after_layer(main[i], main[i + 1], state[i], state[i + 1], x)
        x = new_state[-2]
    return x * extra[1] + extra[2], np.stack(new_state)


def loss(parameters: Any, state: Any, xs: Any, ys: Any) -> Any:
    """Return the mean loss of the predictions of all characters but the first."""
    main, extra = parameters

    def step(carry: Any, pair: Any) -> Any:
        state, total = carry
        x, y = pair
        prediction, state = predicted(main, extra, state, x)
        normalized = prediction - log(np.exp(prediction).sum() + 2.0)
        return (state, total + (y * normalized).sum()), None

    (_, total), _ = scan(step, (state, 0.0), (xs, ys))
    return -total / ys.size


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
