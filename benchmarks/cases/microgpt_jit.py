"""The training step of `microgpt`, compiled: its loops over single numbers and its Adam, for two documents.

PyTorch and JAX are given arrays, masks and batched products, written by hand; they, too, are measured on the
shorter document, and the figures have the longer one.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from string import ascii_lowercase
from typing import Any

import numpy as np

from benchmarks import microgpt as script
from benchmarks.cases.fitting import without_programs
from benchmarks.cases.moons_eager import Work
from benchmarks.result import Result

SHORT, LONG = "isa", "isabellaisabell"
"""Four predictions, and as many as the context has room for."""

CALLS = 200

Arrays = dict[str, Any]
State = tuple[Arrays, Arrays, Arrays]
"""The parameters and the two means of Adam."""

Step = Callable[[State], tuple[Any, State]]
"""The first step of a training: the loss, and the state after it."""


def state() -> State:
    """Return the model before its training."""
    model: Arrays = {name: np.array(matrix) for name, matrix in script.model_of(float).items()}
    means, squares = ({name: np.zeros_like(array) for name, array in model.items()} for _ in range(2))
    return model, means, squares


def measured(
    step_for: Callable[[str], tuple[Step, Callable[[], None]]], as_numpy: Callable[[Any], Any]
) -> Work:
    """Return the work: the first calls, and the time of later ones.

    `step_for` returns the step of a document and what waits for a compilation in the background.
    """

    def timed(document: str) -> tuple[float, float, list[float]]:
        step, wait = step_for(document)
        start = time.perf_counter()
        step(state())
        first = time.perf_counter() - start
        wait()
        at = state()
        seconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            loss, (model, *_) = step(at)
            as_numpy(loss)
            seconds.append(time.perf_counter() - start)
        answer = [
            float(as_numpy(loss)),
            *np.concatenate([np.ravel(as_numpy(model[name])) for name in script.SHAPES]),
        ]
        return first, float(np.median(seconds)), answer

    def work() -> Result:
        first, seconds, answer = timed(SHORT)
        first_of_long, seconds_of_long, long_answer = timed(LONG)
        figures = {
            "s of the first call": first,
            "ms, 16 letters": seconds_of_long * 1e3,
            "s of its first call": first_of_long,
        }
        return Result([*answer, *long_answer], figures=figures, seconds=seconds)

    return work


def updated(gradient: Arrays, at: State) -> State:
    """Return the state after the first step, of anything that has the operations of arrays."""
    model, means, squares = at
    moved = {
        name: script.adam(model[name], gradient[name], means[name], squares[name], 1)
        for name in script.SHAPES
    }
    return tuple({name: of[i] for name, of in moved.items()} for i in range(3))  # type: ignore[return-value]


def ours(backend: str | None) -> Work:
    """Prepare chainrule: single numbers in loops."""
    import autograd

    def largest(scores: Any) -> Any:
        return autograd.stop_gradient(autograd.max(scores))

    forget = without_programs()

    def step_for(document: str) -> tuple[Step, Callable[[], None]]:
        forget()

        def step(at: State) -> tuple[Any, State]:
            loss = autograd.value_and_grad(lambda model: script.loss_of(model, document, largest))
            value, gradient = loss(at[0])
            return value, updated(gradient, at)

        compiled = autograd.jit(step, backend)
        return compiled, compiled.wait

    return measured(step_for, np.asarray)


def chainrule() -> Work:
    """Prepare chainrule as users call it."""
    return ours(None)


def chainrule_numpy() -> Work:
    """Prepare chainrule with the NumPy backend."""
    return ours("numpy")


def loss_of_arrays(library: Any, model: Arrays, document: str) -> Any:
    """Return the loss in the functions that PyTorch and JAX share."""
    tokens = [script.BOUNDARY, *map(ascii_lowercase.index, document), script.BOUNDARY]
    inputs, targets = (list(column) for column in zip(*pairwise(tokens), strict=True))
    count, size = len(inputs), script.WIDTH // script.HEADS

    def normalized(x: Any) -> Any:
        return x * ((x * x).sum(-1) / script.WIDTH + 1e-5)[:, None] ** -0.5

    def heads(x: Any) -> Any:
        return library.swapaxes(x.reshape(count, script.HEADS, size), 0, 1)

    x = normalized(model["tokens"][np.array(inputs)] + model["positions"][:count])
    y = normalized(x)
    query, key, value = (heads(y @ model[name].T) for name in ("query", "key", "value"))
    scores = query @ library.swapaxes(key, 1, 2) / size**0.5
    powers = library.tril(library.exp(scores))
    weights = powers / powers.sum(-1)[..., None]
    x = library.swapaxes(weights @ value, 0, 1).reshape(count, script.WIDTH) @ model["mix"].T + x
    hidden = library.relu(normalized(x) @ model["expand"].T)
    logits = (hidden @ model["contract"].T + x) @ model["scores"].T
    chosen = logits[np.arange(count), np.array(targets)]
    return (library.logsumexp(logits, -1) - chosen).mean()


def torch() -> Work:
    """Prepare PyTorch, eager."""
    from types import SimpleNamespace

    import torch

    library = SimpleNamespace(
        swapaxes=torch.swapaxes, tril=torch.tril, exp=torch.exp, relu=torch.relu, logsumexp=torch.logsumexp
    )

    def step_for(document: str) -> tuple[Step, Callable[[], None]]:
        def step(at: State) -> tuple[Any, State]:
            model, *means = ({name: torch.tensor(array) for name, array in arrays.items()} for arrays in at)
            for parameter in model.values():
                parameter.requires_grad_()
            loss = loss_of_arrays(library, model, document)
            loss.backward()
            gradient = {name: parameter.grad for name, parameter in model.items()}
            with torch.no_grad():
                return loss.detach(), updated(gradient, (model, *means))  # type: ignore[arg-type]

        return step, lambda: None

    return measured(step_for, lambda tensor: tensor.detach().numpy())


def jax() -> Work:
    """Prepare JAX, compiled."""
    from types import SimpleNamespace

    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    library = SimpleNamespace(
        swapaxes=jnp.swapaxes,
        tril=jnp.tril,
        exp=jnp.exp,
        relu=jax.nn.relu,
        logsumexp=jax.scipy.special.logsumexp,
    )

    def step_for(document: str) -> tuple[Step, Callable[[], None]]:
        def step(at: State) -> tuple[Any, State]:
            loss, gradient = jax.value_and_grad(lambda model: loss_of_arrays(library, model, document))(at[0])
            return loss, updated(gradient, at)

        compiled = jax.jit(step)
        return lambda at: jax.block_until_ready(compiled(at)), lambda: None

    return measured(step_for, np.asarray)


PEERS = {"chainrule": chainrule, "chainrule-numpy": chainrule_numpy, "torch": torch, "jax": jax}
ROUNDS = 3
