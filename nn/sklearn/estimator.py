"""What both estimators have in common: the arguments, and the training."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from math import inf, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..activations import ACTIVATIONS
from ..lookup import named
from ..modules.neurons import MLP
from ..optimizers import LBFGS, OPTIMIZERS
from ..training.compiled_steps import CompiledSteps, StepResult
from ..training.samples import WeightedSamples
from .networks import Kind, Network, outputs_of

Array = npt.NDArray[Any]

_OF_SKLEARN = {"identity": "linear", "logistic": "sigmoid"}
"""What scikit-learn calls two of the activations."""

_LEARNING_RATES = ("constant", "invscaling", "adaptive")

# An adaptive learning rate is divided by the first where there is no improvement, down to the second.
_SLOWER = 5.0
_LOWEST_RATE = 1e-6


class MLPEstimator(BaseEstimator):  # type: ignore[misc]
    """Base class of the estimators: a multi-layer perceptron, trained by minibatches or by L-BFGS."""

    loss_: float
    best_loss_: float
    loss_curve_: list[float]
    best_validation_score_: float | None
    validation_scores_: list[float] | None
    n_iter_: int
    t_: int
    n_outputs_: int
    coefs_: list[Array]
    intercepts_: list[Array]
    classes_: Array
    _kind: Kind
    _network: Network
    _snapshot: StepResult
    _rng: Any
    _slowed: int

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun

    @abstractmethod
    def _targets(self, y: Array, learn: bool) -> Array:
        """Return what the loss takes; where asked for, learn from it what is predicted."""

    @abstractmethod
    def _score_of(self, outputs: Array, targets: Array) -> float:
        """Return how good the outputs for held-out samples are."""

    @property
    def model_(self) -> MLP:
        """The network as an `nn.MLP`: to be drawn, explained, saved and trained on."""
        check_is_fitted(self, "coefs_")
        model = self._network.model(0)
        for parameter, number in zip(model.parameters(), self._snapshot.parameters.tolist(), strict=True):
            parameter.data = number
        return model

    def _outputs(self, X: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "coefs_")
        x = validate_data(self, X, dtype=np.float64, reset=False)
        return outputs_of(x, self.coefs_, self.intercepts_, self._network.activation)

    # ----------------------------------------------------------------------------------------- training

    def _fit(self, X: Any, y: Any, sample_weight: Any, weigh: Any = None) -> Any:  # noqa: N803
        """Train from new weights, or with `warm_start` from those of the last call."""
        self._check_arguments()
        goes_on = self.warm_start and hasattr(self, "coefs_")
        x, y, weights = self._checked(X, y, sample_weight, reset=True, weigh=weigh)
        targets = self._targets(y, learn=not goes_on)
        rng = check_random_state(self.random_state)
        samples, held_out = self._held_out(WeightedSamples(x, targets, weights), rng)
        self._begin(samples, rng, goes_on)
        steps = self._network.steps()
        try:
            if self.solver == "lbfgs":
                self._minimize(steps, samples)
            else:
                self._train(steps, samples, held_out, rng)
        except KeyboardInterrupt:
            warnings.warn("training interrupted: the estimator is as after its last step", stacklevel=3)
        self._end(steps)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Any:  # noqa: N803
        """Train for one more epoch."""
        self._check_arguments()
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is for solvers of batches, such as adam: lbfgs needs all samples"
            )
        is_first = not hasattr(self, "coefs_")
        x, y, weights = self._checked(X, y, sample_weight, reset=is_first)
        # A classifier knows by now which classes there will be.
        targets = self._targets(y, learn=is_first and self._is_numeric)
        samples = WeightedSamples(x, targets, weights)
        if is_first:
            self._begin(samples, check_random_state(self.random_state), goes_on=False)
        steps = self._network.steps()
        steps.restore(self._snapshot)
        self._epoch(steps, samples, self._rng)
        self._end(steps)
        return self

    def _train(
        self, steps: CompiledSteps, samples: WeightedSamples, held_out: WeightedSamples | None, rng: Any
    ) -> None:
        """Train epoch by epoch, until the loss or the held-out score no longer gets better."""
        steps.restore(self._snapshot)
        best, best_score, waited = steps.snapshot(), -inf, 0
        scores: list[float] = []
        try:
            for _ in range(self.max_iter):
                before = self.best_loss_
                self._epoch(steps, samples, rng)
                score, needed = before - self.loss_, self.tol
                if held_out is not None:
                    score = self._score_of(steps.evaluate(held_out)[1], held_out.y)
                    scores.append(score)
                    self._say(f"Validation score: {score:.6f}")
                    needed = best_score + self.tol
                    if score > best_score:
                        best, best_score = steps.snapshot(), score
                waited = 0 if score >= needed else waited + 1
                if waited > self.n_iter_no_change:
                    is_adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
                    if not is_adaptive or self._rate() <= _LOWEST_RATE:
                        return
                    self._slowed, waited = self._slowed + 1, 0
            warnings.warn(
                f"the training has not converged after max_iter={self.max_iter} epochs",
                ConvergenceWarning,
                stacklevel=4,
            )
        finally:
            if held_out is not None:
                steps.restore(best)
                self.validation_scores_, self.best_validation_score_ = scores, best_score

    def _epoch(self, steps: CompiledSteps, samples: WeightedSamples, rng: Any) -> None:
        """Do the steps of an epoch, and record it."""
        losses, weights = [], []
        steps.optimizer.lr = self._rate()
        for batch in self._batches(samples, rng):
            loss, _ = steps(batch)
            if not isfinite(loss):
                raise ValueError(
                    f"the loss is {loss} in epoch {self.n_iter_ + 1}: scale the inputs, for example by "
                    "sklearn.preprocessing.StandardScaler, or lower learning_rate_init"
                )
            losses.append(loss)
            weights.append(batch.weight)
        self.n_iter_ += 1
        self.t_ += samples.length
        self._note(float(np.average(losses, weights=weights)))

    def _batches(self, samples: WeightedSamples, rng: Any) -> Iterator[WeightedSamples]:
        size = self._batch(samples.length)
        if size >= samples.length:
            return samples.batches(None)
        return samples.batches(size, rng.permutation(samples.length) if self.shuffle else None)

    def _minimize(self, steps: CompiledSteps, samples: WeightedSamples) -> None:
        """Train by L-BFGS."""
        steps.restore(self._snapshot)
        rule = steps.optimizer
        assert isinstance(rule, LBFGS)

        def after_iteration(numbers: Array, loss: float) -> None:
            steps.move(numbers, np.zeros(len(numbers)))
            self.n_iter_ += 1
            self.t_ += samples.length
            self._note(loss)

        rule.tolerance_grad = self.tol
        start = self._snapshot.parameters
        found = rule.minimize(
            lambda numbers: steps.value_and_gradient(numbers, samples),
            start,
            self.max_iter,
            after_iteration,
            self.max_fun,
        )
        if not isfinite(found.loss):
            raise ValueError(f"the loss is {found.loss}: scale the inputs")
        if not found.iterations:
            after_iteration(found.parameters, found.loss)
        if found.iterations >= self.max_iter:
            warnings.warn(
                f"L-BFGS has not converged after max_iter={self.max_iter} iterations",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _note(self, loss: float) -> None:
        self.loss_ = loss
        self.best_loss_ = min(loss, self.best_loss_)
        self.loss_curve_.append(loss)
        self._say(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text)

    # ------------------------------------------------------------------------------ beginning and end

    def _begin(self, samples: WeightedSamples, rng: Any, goes_on: bool) -> None:
        """Set what a training starts from."""
        outputs = 1 if samples.y.ndim == 1 and self._kind != "classes" else self._outputs_of(samples.y)
        hidden = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=int)).tolist()
        batch = self._batch(samples.length)
        weight = batch * samples.weight / samples.length
        network = Network(
            (samples.x.shape[1], *hidden, outputs),
            _OF_SKLEARN.get(self.activation, self.activation),
            self._kind,
            float(self.alpha) / weight,
            self.solver,
            self._settings(),
        )
        self._slowed = 0
        self.n_iter_, self.loss_curve_, self.loss_, self.best_loss_ = 0, [], inf, inf
        self.validation_scores_ = self.best_validation_score_ = None
        if goes_on and self._network.widths != network.widths:
            raise ValueError(
                f"warm_start goes on with a network of {self._network.widths}, got {network.widths}"
            )
        self._rng = rng
        if not goes_on:
            self.t_ = 0
            numbers = network.numbers(int(rng.randint(np.iinfo(np.int32).max)))
            self._snapshot = network.steps().fresh(numbers)
        elif (self._network.solver, self._network.settings) != (network.solver, network.settings):
            self._snapshot = network.steps().fresh(self._snapshot.parameters)
        self._network = network

    def _outputs_of(self, targets: Array) -> int:
        """Return the number of outputs for targets of several columns, or of several classes."""
        return len(self.classes_) if self._kind == "classes" else targets.shape[1]

    def _rate(self) -> float:
        """Return the learning rate of the next epoch."""
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            return float(self.learning_rate_init / (self.t_ + 1) ** self.power_t)
        return float(self.learning_rate_init / _SLOWER**self._slowed)

    def _end(self, steps: CompiledSteps) -> None:
        """Keep the result of a training."""
        self._snapshot = steps.snapshot()
        self.coefs_, self.intercepts_ = self._network.layers(self._snapshot.parameters)
        self.n_layers_ = len(self.coefs_) + 1
        self.n_outputs_ = self._network.widths[-1]

    def _settings(self) -> tuple[tuple[str, Any], ...]:
        """Return what the optimizer takes."""
        if self.solver in ("adam", "adamw"):
            return (("betas", (float(self.beta_1), float(self.beta_2))), ("eps", float(self.epsilon)))
        if self.solver == "sgd":
            nesterov = bool(self.nesterovs_momentum and self.momentum > 0.0)
            return (("momentum", float(self.momentum)), ("nesterov", nesterov))
        return ()

    # ------------------------------------------------------------------------------------------ checks

    def _checked(
        self,
        X: Any,  # noqa: N803
        y: Any,
        sample_weight: Any,
        reset: bool,
        weigh: Any = None,
    ) -> tuple[Array, Array, Array | None]:
        """Return inputs, targets and weights, without samples that do not count."""
        x, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=self._is_numeric, reset=reset
        )
        y = self._column(y)
        if sample_weight is None and weigh is None:
            return x, y, None
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        counts = weights > 0.0
        if not counts.any():
            raise ValueError("expected at least one sample with a positive weight, got none")
        if not counts.all():
            x, y, weights = x[counts], y[counts], weights[counts]
        return x, y, weights if weigh is None else weights * weigh(y)

    _is_numeric = False

    def _column(self, y: Array) -> Array:
        """Return targets of one column as a vector, with the warning that scikit-learn gives."""
        if y.ndim == 2 and y.shape[1] == 1:
            from sklearn.utils.validation import column_or_1d

            return np.asarray(column_or_1d(y, warn=True))
        return y

    def _held_out(self, samples: WeightedSamples, rng: Any) -> tuple[WeightedSamples, WeightedSamples | None]:
        """Return the samples to train on, and those that early stopping holds out."""
        if not self.early_stopping or self.solver == "lbfgs":
            return samples, None
        places = np.arange(samples.length)
        stratify = samples.y if self._kind != "numbers" and samples.y.ndim == 1 else None
        train, test = train_test_split(
            places, random_state=rng, test_size=self.validation_fraction, stratify=stratify
        )
        return samples.take(train), samples.take(test)

    def _batch(self, count: int) -> int:
        return min(200, count) if self.batch_size == "auto" else min(int(self.batch_size), count)

    def _check_arguments(self) -> None:
        named("activation", _OF_SKLEARN.get(self.activation, self.activation), ACTIVATIONS)
        named("solver", self.solver, OPTIMIZERS)
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if sizes.size and (sizes.dtype.kind not in "iu" or sizes.min() < 1):
            raise ValueError(f"expected hidden_layer_sizes to be at least 1, got {self.hidden_layer_sizes!r}")
        if self.learning_rate not in _LEARNING_RATES:
            known = ", ".join(_LEARNING_RATES)
            raise ValueError(f"expected learning_rate to be one of {known}, got {self.learning_rate!r}")
        for name in ("max_iter", "n_iter_no_change", "max_fun"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)!r}")
        for name in ("alpha", "tol"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"expected {name} to be at least 0, got {getattr(self, name)!r}")
        if self.batch_size != "auto" and not int(self.batch_size) >= 1:
            raise ValueError(f'expected batch_size to be at least 1, or "auto", got {self.batch_size!r}')
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(
                f"expected validation_fraction to be between 0 and 1, got {self.validation_fraction!r}"
            )
