"""Saving a model with what it takes to build it again, and loading it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from autograd import Value

from ..modules.module import Module
from .archives import read_archive, write_archive
from .describing import UndescribedError, described
from .known import MODULES
from .rebuilding import UnknownClassError, rebuilt

M = TypeVar("M", bound=Module)

VERSION = 1
"""The version of the files, which is raised when older readers could not read them."""

# A file of another model is unpacked up to this size, so that the error can list its names.
_ROOM = 2**22

# A file of 120,600 zeros unpacks to 36 times its size, one of random numbers to 10; a bomb to a thousand.
_MOST_UNPACKED = 64

_COLUMNS = ("names", "values")

_WHAT = "the parameters of a model"


def save(
    model: Module, path: str | os.PathLike[str], preprocessing: Any = None, **extras: npt.ArrayLike
) -> None:
    """Write a model to a NumPy archive without pickle: how to build it, and its parameters.

    The file holds the arrays ``names`` and ``values``, and as JSON in ``description`` the version, the
    arguments that the modules were made with, and the preprocessing. Of a model that cannot be described so,
    as one with a lambda as activation, it holds the parameters alone, and `load` needs the model.

    Parameters
    ----------
    model : Module
        The model.
    path : path-like
        The file, whose name ends in ``.npz``.
    preprocessing : object, optional
        What the inputs go through: an `nn.datasets.Preprocessing` or `Standardizer`, numbers, texts, arrays,
        and lists, tuples and dicts of them. `read_model` returns it.
    **extras : array_like
        Further arrays to save with them.

    Raises
    ------
    ValueError
        For another suffix, a preprocessing that cannot be described, or an extra array that is called
        ``names``, ``values`` or ``description`` or holds objects.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> import tempfile
    >>> from nn import MLP
    >>> model = MLP(2, [4, 1], "tanh", rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.npz")
    ...     copy = load(f"{folder}/model.npz")
    >>> copy
    MLP: 17 parameters
      layers.0: Layer(2, 4, 'tanh'), 12 parameters
      layers.1: Layer(4, 1, 'linear'), 5 parameters
    >>> copy.state_dict() == model.state_dict()
    True
    """
    taken = set(_COLUMNS) & set(extras)
    if taken:
        raise ValueError(f"the arrays of the parameters are called {taken}; call the extra something else")
    state = model.state_dict()
    names, values = np.array(list(state), dtype=np.str_), np.array(list(state.values()), dtype=float)
    description: dict[str, Any] = {"version": VERSION, **_described_model(model)}
    if preprocessing is not None:
        description["preprocessing"] = described(preprocessing)
    write_archive(path, {"names": names, "values": values, **extras}, description)


@overload
def load(path: str | os.PathLike[str], model: M, *, classes: Sequence[type[Module]] = ()) -> M: ...
@overload
def load(
    path: str | os.PathLike[str], model: None = None, *, classes: Sequence[type[Module]] = ()
) -> Module: ...


def load(
    path: str | os.PathLike[str], model: Module | None = None, *, classes: Sequence[type[Module]] = ()
) -> Module:
    """Return the model that `save` wrote, built again, or with its parameters assigned to one that there is.

    Parameters
    ----------
    path : path-like
        The file.
    model : Module, optional
        A model of the same structure, to which the parameters are assigned, and which is returned.
    classes : sequence of type
        Subclasses of `Module` that are not those of `nn`, and that the model is made of. They are called with
        the arguments that they were made with. Nothing else in a file is imported or called.

    Returns
    -------
    Module
        The model.

    Raises
    ------
    ValueError
        If the file is not such an archive, or its names are not those of the model, which is not changed
        then; if it does not say how to build the model, or needs more `classes`. An archive that would unpack
        to much more than the model needs is refused.
    TypeError
        If the first argument is a model.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from nn import Neuron
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Neuron(2, lambda x: x * x, rng=0), f"{folder}/model.npz")
    ...     model = load(f"{folder}/model.npz", Neuron(2, lambda x: x * x))
    """
    if isinstance(path, Module):
        raise TypeError("expected load(path) or load(path, model), got the model as the first argument")
    if model is None:
        return read_model(path, classes=classes).model
    wanted = list(model.state_dict())
    largest = max([len(name) for name in wanted], default=0) * np.dtype("U1").itemsize
    room = _ROOM + 4 * len(wanted) * max(largest, np.dtype(float).itemsize)
    arrays, _ = read_archive(path, most_bytes=room, what=_WHAT, only=_COLUMNS)
    model.load_state_dict(parameters_in(path, arrays))
    return model


@dataclass(frozen=True)
class SavedModel:
    """What a file of `nn.save` holds.

    Attributes
    ----------
    model : Module
        The model, with its parameters.
    preprocessing : object
        What its inputs go through, as it was saved; None if there was none.
    extras : dict of str to ndarray
        The further arrays.
    """

    model: Module
    preprocessing: Any
    extras: dict[str, npt.NDArray[Any]]


def read_model(path: str | os.PathLike[str], *, classes: Sequence[type[Module]] = ()) -> SavedModel:
    """Return all that `nn.save` wrote: the model as `load` does, its preprocessing, and further arrays.

    Parameters
    ----------
    path, classes
        As in `load`.

    Returns
    -------
    SavedModel
        What the file holds.

    Raises
    ------
    ValueError, OSError
        As in `load`.

    Examples
    --------
    >>> import tempfile
    >>> from nn import Neuron
    >>> from nn.datasets import Standardizer
    >>> standardize = Standardizer.of(np.array([[1.0], [3.0]]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Neuron(1, rng=0), f"{folder}/model.npz", standardize)
    ...     saved = read_model(f"{folder}/model.npz")
    >>> saved.model, saved.preprocessing(np.array([[5.0]]))
    (Neuron(1, 'tanh'): 2 parameters, array([[3.]]))
    """
    room = _ROOM + _MOST_UNPACKED * os.path.getsize(path)
    arrays, description = read_archive(path, most_bytes=room, what=_WHAT)
    state = parameters_in(path, arrays)
    shown = repr(os.fspath(path))
    if description.get("version", VERSION) != VERSION:
        version = description["version"]
        raise ValueError(f"{shown} has the version {version!r} of its format, and this nn reads {VERSION}")
    if description.get("model") is None:
        why = description.get("why", "it is of an older version of nn")
        raise ValueError(
            f"{shown} holds parameters alone, since {why}: build the model yourself, and load(path, model)"
        )
    try:
        model = rebuilt(description["model"], classes, len(state))
        preprocessing = rebuilt(description.get("preprocessing"))
    except UnknownClassError as error:
        raise ValueError(
            f"{shown} holds a module of the class {error}, which is not one of nn: "
            f"load(path, classes=({error},)), or build the model yourself, and load(path, model)"
        ) from None
    # A constructor that is given what it never expected may raise anything.
    except Exception as error:
        raise ValueError(f"{shown} does not say how to build a model: {error}") from error
    if not isinstance(model, Module):
        raise ValueError(f"{shown} does not say how to build a model: it describes {model!r}")
    try:
        model.load_state_dict(state)
        # What is loaded predicts; fit has it train.
        model.eval()
    except ValueError as error:
        raise ValueError(f"{shown} does not fit itself: {error}") from None
    extras = {name: array for name, array in arrays.items() if name not in _COLUMNS}
    return SavedModel(model, preprocessing, extras)


def parameters_in(
    path: str | os.PathLike[str], arrays: Mapping[str, npt.NDArray[Any]], what: str = _WHAT
) -> dict[str, float]:
    """Return the numbers in an archive by name.

    Parameters
    ----------
    path : path-like
        The file, for the error.
    arrays : mapping of str to ndarray
        What is in it: ``names`` and ``values``.
    what : str
        What it should hold, for the error.

    Raises
    ------
    ValueError
        If it does not.

    Examples
    --------
    >>> parameters_in("a.npz", {"names": np.array(["w"]), "values": np.array([2.0])})
    {'w': 2.0}
    """
    try:
        return _numbers(*(arrays[name] for name in _COLUMNS))
    except KeyError as error:
        raise ValueError(f"{os.fspath(path)!r} does not hold {what}: it has no array {error}") from None
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} does not hold {what}: {error}") from None


def _numbers(names: npt.NDArray[Any], values: npt.NDArray[Any]) -> dict[str, float]:
    if names.dtype.kind != "U" and names.size:
        raise ValueError(f"its names are of the type {names.dtype}, and not texts")
    if values.dtype.kind not in "fiu":
        raise ValueError(f"its values are of the type {values.dtype}, and not real numbers")
    if not names.ndim == values.ndim == 1:
        raise ValueError(f"its names have the shape {names.shape}, its values {values.shape}; both are lists")
    if len(set(names.tolist())) < len(names):
        raise ValueError("its names are not all different")
    return dict(zip(names.tolist(), values.astype(float).tolist(), strict=True))


def _described_model(model: Module) -> dict[str, Any]:
    """Return the description of a model, or why there is none."""
    try:
        description = described(model)
        _check_again(model, description)
    except UndescribedError as error:
        return {"model": None, "why": str(error)}
    except RecursionError:
        return {"model": None, "why": "its modules are nested too deeply"}
    return {"model": description}


def _check_again(model: Module, description: Any) -> None:
    """Raise if what is described is no longer what the model is."""
    try:
        other = rebuilt(description)
    except UnknownClassError:
        # To save a model does not run the user's constructors, which may do anything.
        return
    _check_alike(type(model).__name__, model, other)


def _check_alike(name: str, one: Any, other: Any) -> None:
    """Raise if a module of `nn` has been changed since it was made, but for its numbers."""
    if type(one) is not type(other):
        raise UndescribedError(f"{name} has been changed since it was made")
    if type(one) in MODULES:
        one, other = map(_settings, (one, other))
    if isinstance(one, Module | Value | np.random.Generator):
        return
    if isinstance(one, partial):
        one, other = ((p.func, p.args, p.keywords) for p in (one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and object == one.dtype == other.dtype:
        one, other = one.tolist(), other.tolist()
    if isinstance(one, list | tuple | dict):
        if len(one) != len(other) or (isinstance(one, dict) and list(one) != list(other)):
            raise UndescribedError(f"{name} has been changed since it was made")
        for key, entry in one.items() if isinstance(one, dict) else enumerate(one):
            _check_alike(f"{name}.{key}", entry, other[key])
    elif one is not other and not np.array_equal(one, other, equal_nan=isinstance(one, float)):
        raise UndescribedError(f"{name} has been changed since it was made")


def _settings(module: Module) -> dict[str, Any]:
    unread = {"training", *module.__unread__}
    return {name: entry for name, entry in vars(module).items() if name not in unread}
