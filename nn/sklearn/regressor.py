"""`MLPRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from .estimator import Array, MLPEstimator
from .networks import Kind


class MLPRegressor(RegressorMixin, MLPEstimator):  # type: ignore[misc]
    """A regression by a multi-layer perceptron, with the arguments of scikit-learn's.

    It minimises half of the mean squared error. Scale the inputs, for example by
    `sklearn.preprocessing.StandardScaler` in a pipeline, and targets that are far from 1, for example by
    `sklearn.compose.TransformedTargetRegressor`.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, max_iter, shuffle, max_fun
        As in `MLPClassifier`.
    learning_rate, learning_rate_init, power_t, random_state, tol, verbose, warm_start, momentum
        As in `MLPClassifier`.
    nesterovs_momentum, beta_1, beta_2, epsilon
        As in `MLPClassifier`.
    early_stopping, validation_fraction, n_iter_no_change
        As in `MLPClassifier`; the held-out score is R².

    Attributes
    ----------
    coefs_, intercepts_, model_, loss_curve_, validation_scores_, n_iter_, t_
        As in `MLPClassifier`.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> line = MLPRegressor((), solver="lbfgs", alpha=0.0, tol=1e-8, random_state=0).fit(X, y)
    >>> line.predict([[1.5]]).round(3).tolist()
    [3.0]
    """

    _kind: Kind = "numbers"
    _is_numeric = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:  # noqa: N803
        """Train the network.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.
        y : array_like of float, shape (samples,) or (samples, outputs)
            The number or numbers to predict for each sample.
        sample_weight : array_like of float, shape (samples,), or None
            How much each sample counts: 2 is as good as having it twice.

        Returns
        -------
        MLPRegressor
            The estimator itself.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` epochs are done.
        """
        return self._fit(X, y, sample_weight)  # type: ignore[no-any-return]

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:  # noqa: N803
        """Train for one epoch on some samples.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        return self._partial_fit(X, y, sample_weight)  # type: ignore[no-any-return]

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the numbers for each sample.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.

        Returns
        -------
        ndarray of float, shape (samples,) or (samples, outputs)
            The predictions.
        """
        outputs = self._outputs(X)
        return outputs if self._has_columns else outputs[:, 0]

    def _targets(self, y: Array, learn: bool) -> Array:
        has_columns = y.ndim == 2
        columns = y.shape[1] if has_columns else 1
        if not learn and columns != self.n_outputs_:
            raise ValueError(f"expected targets of {self.n_outputs_} columns, as before, got {columns}")
        self._has_columns = has_columns
        return np.asarray(y, dtype=float)

    def _score_of(self, outputs: Array, targets: Array) -> float:
        return float(r2_score(targets, outputs if self._has_columns else outputs[:, 0]))
