"""L-BFGS, through SciPy."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import Value, data, grads

from ..assignment import GRADIENT, NUMBER, assign_all
from .base import Optimizer, Parameters
from .settings import at_least_zero

Array = npt.NDArray[np.float64]

ValueAndGradient = Callable[[Array], tuple[float, Any]]
"""A function from the numbers of all parameters to the loss and its gradient."""

_LINE_SEARCHES = ("strong_wolfe", None)


class Minimum(NamedTuple):
    """What a minimisation ends with.

    Attributes
    ----------
    parameters, gradients : ndarray of float, shape (parameters,)
        The numbers of the parameters, and the derivatives of the loss there.
    loss : float
        The loss there.
    iterations : int
        The number of iterations done.
    why : str
        Why it ended, as SciPy says it.
    """

    parameters: Array
    gradients: Array
    loss: float
    iterations: int
    why: str


class LBFGS(Optimizer):
    """L-BFGS: steps along Newton's direction, from an estimate of the Hessian by the last gradients [1]_.

    It needs the loss of all samples, and computes it several times in each step. It is L-BFGS-B of SciPy
    without bounds (``pip install 'chainrule[train]'``), whose line search finds the length of each step [2]_.
    Arguments and defaults are those of PyTorch, but for the line search, which is always that of the strong
    Wolfe conditions. The estimate is that of one call of `step` or `minimize`.

    Parameters
    ----------
    parameters : Module or iterable of Value
        A model, or the parameters to move.
    lr : float
        1; the line search needs no other.
    max_iter : int
        The number of iterations in a `step`.
    max_eval : int or None
        The number of times that a `step` may compute the loss, after which it ends with that iteration; None
        takes 5/4 of `max_iter`.
    tolerance_grad : float
        It ends when no derivative is larger than this.
    tolerance_change : float
        It ends when the loss falls by less than this, relatively where it is larger than 1.
    history_size : int
        The number of gradients that the estimate is made of.
    line_search_fn : "strong_wolfe" or None
        Both stand for the line search of SciPy.

    Raises
    ------
    ValueError
        For no parameters, or a number out of range.
    TypeError
        For a parameter that is not a leaf `Value`.

    References
    ----------
    .. [1] D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization",
       Mathematical Programming 45, 1989.
    .. [2] J. L. Morales and J. Nocedal, "Remark on Algorithm 778: L-BFGS-B", ACM TOMS 38, 2011.

    Examples
    --------
    >>> x, y = Value(-1.0), Value(1.0)
    >>> optimizer = LBFGS([x, y], max_iter=100)
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1.0 - x) ** 2 + 100.0 * (y - x * x) ** 2
    ...     loss.backward()
    ...     return loss
    >>> f"{optimizer.step(closure):.1f}"
    '4.0'
    >>> f"{x:.3f}, {y:.3f}"
    '1.000, 1.000'
    """

    varying = ()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = "strong_wolfe",
    ) -> None:
        if lr != 1.0:
            raise ValueError(
                f"expected lr to be 1, got {lr!r}: the line search finds the length of each step"
            )
        for name, count in (("max_iter", max_iter), ("history_size", history_size)):
            if count < 1:
                raise ValueError(f"expected {name} to be at least 1, got {count!r}")
        if line_search_fn not in _LINE_SEARCHES:
            raise ValueError(f'expected line_search_fn to be "strong_wolfe" or None, got {line_search_fn!r}')
        super().__init__(parameters, lr)
        self.max_iter = max_iter
        self.max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        self.tolerance_grad = at_least_zero("tolerance_grad", tolerance_grad)
        self.tolerance_change = at_least_zero("tolerance_change", tolerance_change)
        self.history_size = history_size
        self.line_search_fn = line_search_fn

    def minimize(
        self,
        value_and_gradient: ValueAndGradient,
        start: npt.ArrayLike,
        iterations: int,
        callback: Callable[[Array, float], object] | None = None,
        max_eval: int | None = None,
    ) -> Minimum:
        """Minimise a function of an array, without changing anything.

        Parameters
        ----------
        value_and_gradient : callable
            A function from an array of numbers to the loss and an array of its derivatives.
        start : array_like of float, shape (parameters,)
            Where to begin.
        iterations : int
            The largest number of iterations.
        callback : callable or None
            Called after each iteration with the numbers and the loss; it may raise StopIteration.
        max_eval : int or None
            The number of times that the function may be called, after which it ends with that iteration.

        Returns
        -------
        Minimum
            The numbers it ends with, their loss and gradient, and why it ended.

        Raises
        ------
        ModuleNotFoundError
            Without SciPy.

        Examples
        --------
        >>> found = LBFGS([Value(0.0)]).minimize(lambda x: (x @ x, 2.0 * x), [3.0, 4.0], iterations=10)
        >>> f"{found.loss:.6f}"
        '0.000000'
        """
        if find_spec("scipy") is None:
            raise ModuleNotFoundError("L-BFGS needs SciPy: pip install 'chainrule[train]'")
        from scipy.optimize import minimize

        def told(intermediate_result: Any) -> None:
            if callback is not None:
                callback(intermediate_result.x.copy(), float(intermediate_result.fun))

        def as_numbers(x: Array) -> tuple[float, Array]:
            loss, gradient = value_and_gradient(x.copy())
            return float(loss), np.array(gradient, dtype=float)

        options = {
            "maxiter": iterations,
            "maxfun": np.iinfo(np.int32).max if max_eval is None else max_eval,
            "maxcor": self.history_size,
            "gtol": self.tolerance_grad,
            "ftol": self.tolerance_change,
        }
        begin = np.array(start, dtype=float)
        found = minimize(as_numbers, begin, method="L-BFGS-B", jac=True, callback=told, options=options)
        return Minimum(found.x, found.jac, float(found.fun), int(found.nit), str(found.message))

    def step(self, closure: Callable[[], Value] | None = None) -> Value:
        """Do up to `max_iter` iterations. After an error or an interrupt, the parameters are unchanged.

        Parameters
        ----------
        closure : callable
            A function that zeroes the gradients, computes the loss, calls its `backward` and returns it. It
            is called several times.

        Returns
        -------
        Value
            The loss before the step.

        Raises
        ------
        TypeError
            Without a closure.
        """
        if closure is None:
            raise TypeError(
                "LBFGS.step needs a closure that computes the loss and its gradient several times"
            )
        parameters, start = self.parameters, data(self.parameters)
        losses: list[Value] = []

        def value_and_gradient(numbers: Array) -> tuple[float, Array]:
            assign_all((parameters, NUMBER, numbers.tolist()))
            loss = closure()
            if not losses:
                losses.append(loss)
            return float(loss), grads(parameters)

        try:
            found = self.minimize(value_and_gradient, start, self.max_iter, max_eval=self.max_eval)
        except BaseException:
            assign_all((parameters, NUMBER, start.tolist()))
            raise
        assign_all(
            (parameters, NUMBER, found.parameters.tolist()),
            (parameters, GRADIENT, found.gradients.tolist()),
            ([self], "steps", [self.steps + found.iterations]),
        )
        return losses[0]
