"""Influence: how much each sample pulls on a parameter.

The gradient of a training set's cost is the sum, or the mean, of the gradients of its samples (E4 of the
notes). Taken apart again, it says which samples a parameter listens to, and which ones cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..engine.description import BY_RULE
from ..engine.graph import consumers_first
from ..engine.value import Value
from ..printable import printable
from ..tables import html_table, text_table
from ..transforms.sweeps import pull, push
from .text.caller_names import names_for_caller
from .text.formulas import count, digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = npt.NDArray[np.float64]

# The samples of a table and of a plot.
_MOST_ROWS, _MOST_BARS = 12, 40

# From here on samples are said to agree, and down to here to cancel.
_AGREE, _CANCEL = 0.95, 0.05

_UP, _DOWN = "#0072b2", "#d55e00"


class Pull(NamedTuple):
    """What one sample does to the parameters.

    Attributes
    ----------
    sample : int
        Which sample.
    loss : float
        Its loss.
    gradient : float
        The derivative of its loss with respect to the parameter; of several parameters, the length of the
        gradient. Gradient descent moves a parameter against it.
    share : float
        Its part of what all samples pull, whatever their directions: the shares add up to 1.
    along : float
        Its part of the sum of the gradients: these add up to 1 as well, and are negative for samples that
        pull the other way.
    """

    sample: int
    loss: float
    gradient: float
    share: float
    along: float


class Influence(tuple[Pull, ...]):
    """What each sample does to the parameters, the strongest first; prints as a table.

    Parameters
    ----------
    losses : array of shape (samples,)
        The loss of each sample.
    gradients : array of shape (samples, parameters)
        Its derivatives.
    parameters : sequence of str
        The names of the parameters.

    Attributes
    ----------
    losses, gradients, parameters
        The same.

    Examples
    --------
    >>> w = Value(1.0, label="w")
    >>> found = influence([(w * x - 1.0) ** 2 for x in (1.0, 2.0, -1.0)], w)
    >>> [round(pull.gradient) for pull in found], found.gradients.T
    ([4, 4, 0], array([[0., 4., 4.]]))
    """

    losses: Array
    gradients: Array
    parameters: tuple[str, ...]

    def __new__(cls, losses: Array, gradients: Array, parameters: Sequence[str]) -> Influence:
        """Sort the samples."""
        sizes = np.linalg.norm(gradients, axis=1)
        signed = gradients[:, 0] if len(parameters) == 1 else sizes
        total = gradients.sum(axis=0)
        shares = _parts(sizes, sizes.sum())
        along = _parts(gradients @ total, total @ total)
        # By size, and nan before all numbers.
        ranked = np.argsort(-np.where(np.isnan(sizes), np.inf, sizes), kind="stable")
        columns = (losses, signed, shares, along)
        report = super().__new__(
            cls, [Pull(int(i), *(float(column[i]) for column in columns)) for i in ranked]
        )
        report.losses, report.gradients, report.parameters = losses, gradients, tuple(parameters)
        return report

    @property
    def total(self) -> Array:
        """The sum of the samples' gradients, one number for each parameter."""
        return self.gradients.sum(axis=0)  # type: ignore[no-any-return]

    @property
    def agreement(self) -> float:
        """The size of the sum, as a part of the sum of the sizes: 1 if all pull one way, 0 if they cancel."""
        sizes = np.linalg.norm(self.gradients, axis=1).sum()
        return float(np.linalg.norm(self.total) / sizes) if sizes else 1.0

    def of(self, parameter: str) -> Influence:
        """Return what the samples do to one of the parameters.

        Parameters
        ----------
        parameter : str
            Its name.

        Returns
        -------
        Influence
            Of that parameter alone.

        Raises
        ------
        ValueError
            If no parameter has that name.
        """
        if parameter not in self.parameters:
            known = ", ".join(self.parameters[:_MOST_ROWS])
            raise ValueError(f"expected the name of a parameter, such as {known}; got {parameter!r}")
        i = self.parameters.index(parameter)
        return Influence(self.losses, self.gradients[:, i : i + 1], [parameter])

    def plot(self) -> Figure:
        """Plot a bar for each sample, the strongest first, 40 at most.

        Returns
        -------
        matplotlib.figure.Figure
            Above zero what the parameter is pulled up, below zero what it is pulled down. Of several
            parameters, the part of the sum that is due to each sample.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        if find_spec("matplotlib") is None:
            raise ImportError("plot() needs Matplotlib: pip install 'chainrule[viz]'")
        from matplotlib.figure import Figure

        shown = self[:_MOST_BARS]
        heights = [self._height(pull) for pull in shown]
        figure = Figure(figsize=(max(4.8, 1.6 + 0.24 * len(shown)), 3.6), layout="constrained")
        axes = figure.add_subplot()
        places = range(len(shown))
        axes.bar(places, heights, color=[_UP if height >= 0.0 else _DOWN for height in heights])
        axes.axhline(0.0, color="#5b6b7b", linewidth=0.8)
        axes.set_xticks(places, [str(pull.sample) for pull in shown], rotation=90 if len(shown) > 12 else 0)
        axes.set_xlabel("sample" if len(shown) == len(self) else f"sample (the strongest {len(shown)})")
        axes.set_ylabel(self._meaning_of_heights())
        axes.set_title(self._summary(), parse_math=False, fontsize="medium", wrap=True)
        axes.spines[["top", "right"]].set_visible(False)
        return figure

    def _height(self, found: Pull) -> float:
        return -found.gradient if len(self.parameters) == 1 else found.along

    def _meaning_of_heights(self) -> str:
        return "pull: minus the gradient" if len(self.parameters) == 1 else "part of the sum of the gradients"

    def __repr__(self) -> str:
        lines = text_table(*self._table()).splitlines()
        return "\n".join([self._summary(), *(f"  {line}" for line in lines), *self._rest()])

    def _repr_html_(self) -> str:
        return html_table(*self._table(), self._summary(), "".join(self._rest()).strip())

    def _table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        one = len(self.parameters) == 1
        return _COLUMNS if one else _COLUMNS_OF_SEVERAL, [_cells(found, one) for found in self[:_MOST_ROWS]]

    def _rest(self) -> list[str]:
        """Return a line for the samples that are not shown."""
        rest = self[_MOST_ROWS:]
        share = sum(found.share for found in rest)
        return [f"  … {count(len(rest), 'more sample')}, {share:.0%} together"] if rest else []

    def _summary(self) -> str:
        samples = f"{count(len(self), 'sample')} {'pulls' if len(self) == 1 else 'pull'}"
        if len(self.parameters) == 1:
            head = f"{samples} on {self.parameters[0]}: the gradients add up to {digits(self.total[0])}"
        else:
            length = digits(float(np.linalg.norm(self.total)))
            several = f"{len(self.parameters):,} parameters"
            head = f"{samples} on {several}: the sum of the gradients has length {length}"
        return head + self._verdict()

    def _verdict(self) -> str:
        """Say whether the samples agree."""
        if not self.gradients.any():
            return ", since no loss depends on it here"
        if len(self) == 1 or np.isnan(self.agreement):
            return ""
        if self.agreement >= _AGREE:
            return "; they agree"
        lost = f"{1.0 - self.agreement:.0%} of what they pull"
        return f"; they cancel, and lose {lost}" if self.agreement <= _CANCEL else f"; {lost} cancels"


_COLUMNS = ("sample", "loss", "gradient", "pulls", "share")
_COLUMNS_OF_SEVERAL = ("sample", "loss", "size of gradient", "share", "of the sum")


def _cells(found: Pull, one: bool) -> tuple[str, ...]:
    """Return the row of a sample in the table."""
    numbers = (str(found.sample), digits(found.loss), digits(found.gradient))
    if one:
        direction = "" if not found.gradient else "up" if found.gradient < 0.0 else "down"
        return (*numbers, direction, f"{found.share:.0%}")
    return (*numbers, f"{found.share:.0%}", f"{found.along:.0%}")


def _parts(sizes: Array, whole: float) -> Array:
    """Return each number as a part of a whole; 0 where there is nothing to share."""
    return sizes / whole if whole else np.zeros_like(sizes)


def influence(
    loss_per_sample: Iterable[Value], parameter: Any, *, names: Mapping[str, Any] | None = None
) -> Influence:
    """Say how much each sample pulls on a parameter: its part of the gradient, sample by sample.

    For one parameter of many samples one sweep forward finds all of the derivatives; for more parameters one
    sweep backward a sample, in the graph of that sample alone (E4 of the notes).

    Parameters
    ----------
    loss_per_sample : iterable of Value
        The loss of each sample, such as `losses` of `nn` gives with ``reduction="none"``.
    parameter : Value, iterable of Value, mapping of str to Value, or module
        What is pulled on: any node, several of them, or what has ``named_parameters()``.
    names : mapping, optional
        Variables to name parameters without a label; by default the caller's, and none for ``{}``.

    Returns
    -------
    Influence
        A `Pull` for each sample, the strongest first, with ``gradients``, ``total``, ``agreement``,
        ``of(name)`` and ``plot()``.

    Raises
    ------
    TypeError
        If a loss or a parameter is not a `Value`.
    ValueError
        If there are no samples, or no parameters.

    Examples
    --------
    >>> w = Value(1.0, label="w")
    >>> samples = [(1.0, 1.1), (2.0, 2.2), (1.0, 9.0)]  # the last one is an outlier
    >>> influence([(w * x - y) ** 2 for x, y in samples], w)
    3 samples pull on w: the gradients add up to -17; they agree
      sample  loss  gradient  pulls  share
           2    64       -16  up       94%
           1  0.04      -0.8  up        5%
           0  0.01      -0.2  up        1%
    """
    losses = [_checked("a loss of each sample", loss) for loss in np.ravel(_listed(loss_per_sample)).tolist()]
    found = _parameters(parameter, names)
    if not losses or not found:
        raise ValueError(
            f"influence expected at least one loss and one parameter, got {len(losses)} and {len(found)}"
        )
    gradients = _gradients(losses, [*found.values()])
    return Influence(np.array([loss.data for loss in losses]), gradients, [*found])


def _listed(items: Any) -> Any:
    """Return an array as it is, and anything else that has elements as a list of them."""
    if isinstance(items, Value) or not isinstance(items, Iterable):
        raise TypeError(
            f"influence expected a loss for each sample, got {items!r} ({type(items).__name__}); pass them "
            "before they are added up"
        )
    return items if isinstance(items, np.ndarray) else np.array([*items], dtype=object)


def _checked(what: str, item: Any) -> Value:
    if not isinstance(item, Value):
        raise TypeError(f"influence expected {what} as a Value, got {item!r} ({type(item).__name__})")
    return item


def _parameters(parameter: Any, names: Mapping[str, Any] | None) -> dict[str, Value]:
    """Return the parameters by name."""
    if hasattr(parameter, "named_parameters"):
        parameter = dict(parameter.named_parameters())
    if isinstance(parameter, Mapping):
        return {printable(str(name)): _checked("a parameter", item) for name, item in parameter.items()}
    items = [parameter] if not isinstance(parameter, Iterable) else np.ravel(_listed(parameter)).tolist()
    nodes = [_checked("a parameter", item) for item in items]
    name_of = names_for_caller([*dict.fromkeys(nodes)], names)
    return {name: node for node, name in name_of.items()}


def _gradients(losses: Sequence[Value], parameters: Sequence[Value]) -> Array:
    """Return the derivative of each loss with respect to each parameter."""
    order = consumers_first(*losses, by_derivative=True)
    of_one = consumers_first(losses[0], by_derivative=True)
    # A forward sweep goes through the graph of all samples, a backward sweep through that of one. What only
    # says how adjoints flow back cannot be swept forward.
    forward = len(parameters) * len(order) <= len(losses) * len(of_one)
    if forward and not any(node._edges == BY_RULE for node in order):
        columns = [push(order, losses, [parameter], [1.0], as_graph=False) for parameter in parameters]
        return np.array(columns, dtype=float).T
    rows = [
        pull(consumers_first(loss, by_derivative=True), [loss], [1.0], parameters, as_graph=False)
        for loss in losses
    ]
    return np.array(rows, dtype=float)
