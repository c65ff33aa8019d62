"""`MLPClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from autograd import sigmoid
from autograd.quiet import errstate

from ..metrics.classification import probabilities_of
from .estimator import Array, MLPEstimator
from .networks import Kind


class MLPClassifier(ClassifierMixin, MLPEstimator):  # type: ignore[misc]
    """A classifier by a multi-layer perceptron, with the arguments of scikit-learn's.

    Scale the inputs, for example by `sklearn.preprocessing.StandardScaler` in a pipeline.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        The number of neurons of each hidden layer.
    activation : str
        That of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``, or another name of
        `nn.activations.ACTIVATIONS`.
    solver : str
        ``"adam"``, ``"sgd"``, ``"lbfgs"``, or another name of `nn.optimizers.OPTIMIZERS`.
    alpha : float
        The strength of the L2 penalty on the weights, which is divided by the number of samples in a batch.
    batch_size : int or "auto"
        The number of samples in a step; ``"auto"`` takes 200, or all if there are fewer.
    learning_rate : "constant", "invscaling" or "adaptive"
        For ``"sgd"``: whether the learning rate stays, is divided by ``t ** power_t`` after t samples, or
        by 5 where the training would end otherwise.
    learning_rate_init : float
        The learning rate. With scikit-learn's default, 0.001, the 150 samples of iris take more than the 200
        epochs of `max_iter`, and other data sets two to three times as many epochs as with this one.
    power_t : float
        For ``"invscaling"``.
    max_iter : int
        The largest number of epochs, or of iterations of L-BFGS.
    shuffle : bool
        Whether each epoch goes through the samples in a new order.
    random_state : int, RandomState or None
        The source of the first weights, the order and the samples that are held out.
    tol : float
        What counts as an improvement.
    verbose : bool
        Whether to print the loss of each epoch.
    warm_start : bool
        Whether `fit` goes on from where the last call has ended.
    momentum, nesterovs_momentum
        For ``"sgd"``.
    early_stopping : bool
        Whether to hold samples out, end when their score no longer gets better, and keep the best weights.
    validation_fraction : float
        The fraction of the samples that is held out.
    beta_1, beta_2, epsilon : float
        For ``"adam"``.
    n_iter_no_change : int
        For how many epochs to wait for an improvement of the loss, or the held-out score.
    max_fun : int
        How often L-BFGS may compute the loss.
    class_weight : dict, "balanced" or None
        How much each class counts.

    Attributes
    ----------
    classes_ : ndarray
        The classes, or the numbers of the labels.
    coefs_, intercepts_ : list of ndarray
        The weights of each layer, of shape (inputs, outputs), and the biases.
    model_ : MLP
        The network as an `nn.MLP`.
    loss_curve_ : list of float
        The loss of each epoch; `loss_` and `best_loss_` are the last and the lowest.
    validation_scores_ : list of float or None
        The held-out score of each epoch; `best_validation_score_` is the highest.
    n_iter_, t_ : int
        The number of epochs, and of samples seen.
    n_features_in_, n_layers_, n_outputs_ : int
        The numbers of inputs, of layers with that of the inputs, and of outputs.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), ["low", "low", "high", "high"]
    >>> classifier = MLPClassifier((4,), "tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> classifier.predict([[0.5], [2.5]]).tolist()
    ['low', 'high']
    """

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
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:  # noqa: N803
        """Train the network.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.
        y : array_like, shape (samples,) or (samples, labels)
            The class of each sample, or a row of zeros and ones with its labels.
        sample_weight : array_like of float, shape (samples,), or None
            How much each sample counts: 2 is as good as having it twice.

        Returns
        -------
        MLPClassifier
            The estimator itself.

        Warns
        -----
        ConvergenceWarning
            If `max_iter` epochs are done.
        """
        weigh = None if self.class_weight is None else self._weights_of_classes
        return self._fit(X, y, sample_weight, weigh)  # type: ignore[no-any-return]

    def partial_fit(
        self,
        X: Any,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> MLPClassifier:
        """Train for one epoch on some samples.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array_like or None
            All classes that there will be, needed at the first call.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        if self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' needs all samples: pass a dict, or sample_weight")
        if not hasattr(self, "coefs_"):
            if classes is None:
                raise ValueError("the first call of partial_fit needs classes: all that there will be")
            self._learn_classes(np.asarray(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"expected the classes of the first call, {self.classes_}, got {classes!r}")
        if self.class_weight is not None:
            given = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
            sample_weight = given * self._weights_of_classes(y)
        return self._partial_fit(X, y, sample_weight)  # type: ignore[no-any-return]

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Return the class of each sample, or its labels.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.

        Returns
        -------
        ndarray, shape (samples,) or (samples, labels)
            The most probable class, or zeros and ones.
        """
        return self._classes_of(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the probability of each class.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.

        Returns
        -------
        ndarray of float, shape (samples, classes)
            In the order of `classes_`; the rows add up to 1, except for labels.
        """
        outputs = self._outputs(X)
        if self._kind == "classes":
            return probabilities_of(outputs)
        yes = np.asarray(sigmoid(outputs))
        if self._is_multilabel():
            return yes
        if len(self.classes_) == 1:
            return np.ones((len(yes), 1))
        return np.hstack([1.0 - yes, yes])

    def predict_log_proba(self, X: Any) -> Array:  # noqa: N803
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : array_like, shape (samples, inputs)
            A row for each sample.

        Returns
        -------
        ndarray of float, shape (samples, classes)
            In the order of `classes_`.
        """
        with errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _targets(self, y: Array, learn: bool) -> Array:
        check_classification_targets(y)
        if learn:
            self._learn_classes(y)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown) and not self._is_multilabel():
            raise ValueError(f"expected classes {self.classes_}, got also {unknown}")
        if self._kind == "classes":
            return np.searchsorted(self.classes_, y)
        columns = np.asarray(self._binarizer.transform(y), dtype=float)
        return columns if self._is_multilabel() else columns[:, 0]

    def _learn_classes(self, y: Array) -> None:
        check_classification_targets(y)
        self._binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._binarizer.classes_
        self._kind: Kind = "classes" if len(self.classes_) > 2 and not self._is_multilabel() else "labels"

    def _is_multilabel(self) -> bool:
        return bool(self._binarizer.y_type_.startswith("multilabel"))

    def _weights_of_classes(self, y: Any) -> Array:
        return np.asarray(compute_sample_weight(self.class_weight, y))

    def _classes_of(self, outputs: Array) -> Array:
        if self._is_multilabel():
            return (outputs > 0.0).astype(int)
        place = outputs.argmax(axis=1) if self._kind == "classes" else (outputs[:, 0] > 0.0).astype(int)
        return np.asarray(self.classes_[np.minimum(place, len(self.classes_) - 1)])

    def _score_of(self, outputs: Array, targets: Array) -> float:
        if self._kind == "classes":
            return float(np.mean(outputs.argmax(axis=1) == targets))
        return float(np.mean(np.all((outputs > 0.0) == targets.reshape(outputs.shape), axis=1)))
