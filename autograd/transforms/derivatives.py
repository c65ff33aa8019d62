"""Transformations of functions: gradients, Jacobians, Hessians, to any order and in any combination.

Signatures and behaviour are those of JAX. A function is called with variables in place of its arguments,
which records a graph; a sweep over the graph gives the derivative. Arguments and results are numbers, NumPy
arrays, modules, and nested lists, tuples, dicts and dataclasses of them. The function gets `Value`s, arrays
of `Value`s, and copies of modules with variables as parameters (`autograd.transforms.module_copies`).

Each call creates its own variables: new leaves or, where an argument is itself a `Value`, a node that stands
for this use of it. So nested derivatives cannot confuse their variables. The result consists of floats. It
consists of `Value`s, which can be differentiated again, if an argument is a `Value` or an enclosing function
is being differentiated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from .differentiated_calls import Argnums, Function, Recording, differentiated
from .trees import Branch, Leaf, Structure, array_of, blocks, flatten_like, unflatten


class GradientsReturned(NamedTuple):
    """What a function returns that `grad` or `value_and_grad` has made.

    Attributes
    ----------
    argnums : int or sequence of int
        The arguments that it is differentiated by.
    has_aux : bool
        Whether it returns auxiliary data.
    has_value : bool
        Whether it returns the value, before the gradient.
    """

    argnums: Argnums
    has_aux: bool
    has_value: bool


# Not an attribute: `functools.wraps` would hand it on to a function that returns something else.
_GRADIENTS: WeakKeyDictionary[Function, GradientsReturned] = WeakKeyDictionary()


def gradients_returned_by(f: Function) -> GradientsReturned | None:
    """Return which gradients a function returns; None if neither `grad` nor `value_and_grad` has made it.

    Examples
    --------
    >>> gradients_returned_by(grad(abs)).argnums, gradients_returned_by(abs)
    (0, None)
    """
    try:
        return _GRADIENTS.get(f)
    except TypeError:
        # No weak reference to it is possible.
        return None


def note_gradients(f: Function, returned: GradientsReturned) -> None:
    """Note which gradients a function returns that was made otherwise.

    Examples
    --------
    >>> def loaded(x):
    ...     return 2.0 * x
    >>> note_gradients(loaded, GradientsReturned(0, False, False))
    >>> gradients_returned_by(loaded)
    GradientsReturned(argnums=0, has_aux=False, has_value=False)
    """
    _GRADIENTS[f] = returned


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes the value of `f` and its gradient.

    Parameters
    ----------
    f : callable
        A function whose result is a single number or, with `has_aux`, a pair of a number and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.

    Returns
    -------
    callable
        It takes the arguments of `f` and returns ``(value, gradient)``, or ``((value, aux), gradient)``. The
        gradient has the structure of the argument; for several `argnums` it is a tuple of gradients.

    Raises
    ------
    TypeError
        Raised by the returned function if the result of `f` is not a single number, or an argument is not
        made of real numbers.
    ValueError
        Raised by the returned function if there is no such argument.

    Examples
    --------
    >>> value_and_grad(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    (18.0, array([12.,  9.]))
    """

    @functools.wraps(f)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        given, structure, call = differentiated(f, args, kwargs, argnums, whole=True)
        recording = Recording(call, given, has_aux, whole=True)
        _check_scalar(recording.form)
        gradient = unflatten(structure, recording.gradient([1.0]))
        return ((recording.value, recording.aux) if has_aux else recording.value), gradient

    _GRADIENTS[evaluate] = GradientsReturned(argnums, has_aux, has_value=True)
    return evaluate


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return a function that computes the gradient of `f`, by one backward sweep.

    Parameters
    ----------
    f, argnums, has_aux
        As in `value_and_grad`.

    Returns
    -------
    callable
        It takes the arguments of `f` and returns the gradient, or ``(gradient, aux)``.

    Raises
    ------
    TypeError, ValueError
        As in `value_and_grad`.

    Examples
    --------
    >>> from autograd import sin
    >>> f"{grad(grad(sin))(1.0):.4f}"
    '-0.8415'
    >>> grad(lambda x: x * grad(lambda y: x + y)(x))(5.0)
    1.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, derivative = both(*args, **kwargs)
        return (derivative, value[1]) if has_aux else derivative

    _GRADIENTS[gradient] = GradientsReturned(argnums, has_aux, has_value=False)
    return gradient


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the value of `f`, and a function that pulls cotangents back to the arguments.

    Parameters
    ----------
    f : callable
        The function.
    *primals
        Its arguments.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.

    Returns
    -------
    (value, pullback) or (value, pullback, aux)
        ``pullback(cotangent)`` takes a tree of the structure of the value, and returns a tuple with the
        cotangent of each argument: the vector-Jacobian product.

    Raises
    ------
    TypeError
        For an argument or a result that is not made of real numbers.
    ValueError
        Raised by the pullback for a cotangent whose structure is not that of the value.

    Examples
    --------
    >>> value, pullback = vjp(lambda x, y: x * y, 3.0, 4.0)
    >>> value, pullback(1.0)
    (12.0, (4.0, 3.0))
    """
    given, structure, call = differentiated(f, primals, {}, range(len(primals)), whole=True)
    recording = Recording(call, given, has_aux, whole=True)

    def pullback(cotangent: Any) -> Any:
        cotangents = flatten_like(recording.form, cotangent, "the cotangent")
        return unflatten(structure, recording.gradient(cotangents))

    return (recording.value, pullback, recording.aux) if has_aux else (recording.value, pullback)


def jvp(
    f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the value of `f`, and its derivative along tangents of its arguments, by one forward sweep.

    Parameters
    ----------
    f : callable
        The function.
    primals : tuple or list
        Its arguments.
    tangents : tuple or list
        A tangent for each, of the same structure.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.

    Returns
    -------
    (value, tangent) or (value, tangent, aux)
        The tangent has the structure of the value: the Jacobian-vector product.

    Raises
    ------
    TypeError
        If primals or tangents are not a tuple or list, or not made of real numbers.
    ValueError
        If the structures of primals and tangents differ.

    Examples
    --------
    >>> jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 10.0))
    (12.0, 34.0)
    """
    _check_tuples(primals, tangents)
    given, structure, call = differentiated(f, tuple(primals), {}, range(len(primals)), whole=True)
    directions = flatten_like(structure, tuple(tangents), "the tuple of tangents")
    recording = Recording(call, given, has_aux, whole=True)
    tangent = unflatten(recording.form, recording.tangent(directions))
    return (recording.value, tangent, recording.aux) if has_aux else (recording.value, tangent)


def jacobian(
    f: Function,
    argnums: Argnums = 0,
    mode: str | None = None,
    *,
    has_aux: bool = False,
    sparse: bool = False,
) -> Function:
    """Return a function that computes the Jacobian of `f` (notes C3).

    Parameters
    ----------
    f : callable
        The function.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    mode : ``"rev"``, ``"fwd"`` or None
        Sweep backward from each result, forward from each argument, or whichever are fewer.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.
    sparse : bool
        Whether to compute only what depends on the argument, as sparse matrices; this needs SciPy
        (``pip install 'chainrule[sparse]'``).

    Returns
    -------
    callable
        It takes the arguments of `f` and returns a tree of the structure of the result, in which each leaf is
        replaced by a tree of the structure of the argument; with `has_aux`, a pair of this and the auxiliary
        data. The shapes of arrays are concatenated (numerator layout): m results and n arguments give an
        array of shape (m, n), with a gradient in each row.

        With `sparse`, the tree is the same, and for each pair of leaves it holds a matrix with a row for each
        number of the result and a column for each of the argument, both in the order of ``ravel()``: a
        `scipy.sparse.csr_array` that stores a number wherever `sparsity` has a place, also if it is 0. Of a
        model, whose parameters are leaves by themselves, `make_functional` makes a function of one array.

    Raises
    ------
    TypeError
        Raised by the returned function for an argument or a result that is not made of real numbers.
    ValueError
        For an unknown mode. Raised by the returned function if there is no such argument.
    ModuleNotFoundError
        For `sparse` where SciPy is not installed.

    Notes
    -----
    Columns that have no row in common are computed by one forward sweep, or such rows by one backward sweep,
    whichever are fewer: as many sweeps as a greedy colouring of the recorded graph needs (Gebremedhin, Manne
    and Pothen 2005). Three sweeps suffice for a tridiagonal matrix of any size. The numbers are those of the
    dense matrix in the same mode, to the last bit.

    ``jit(jacobian(f, sparse=True))`` compiles the numbers; the places are found once, while the function is
    traced, and hold for any numbers. If `f` consists of what `vmap` and NumPy's functions do with each row of
    the argument alike, or with rows that constant indices take, ``x[indices]``, one sample is traced, however
    many there are. Where a sparse Jacobian is part of a program that is compiled, batched
    by `vmap` or differentiated again, SciPy cannot hold its numbers. It is then an object that has ``data``,
    ``indices``, ``indptr``, ``shape``, ``nnz``, ``toarray()`` and ``@`` as a `csr_array` has, but cannot be
    passed to SciPy's functions; `vmap` and derivatives take its ``data``, not the matrix, as a result.

    Examples
    --------
    >>> jacobian(lambda x: np.array([x[0] * x[1], x[1] ** 2]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 6.]])
    >>> found = jacobian(lambda x: x[1:] * x[:-1], sparse=True)(np.arange(5.0))
    >>> type(found).__name__, found.shape, found.nnz
    ('csr_array', (4, 5), 8)
    """
    if mode not in ("rev", "fwd", None):
        raise ValueError(f"expected mode to be 'rev', 'fwd' or None, got {mode!r}")
    if sparse:
        # Loaded when first used, as all that only sparse derivatives need: 4% of the time of an import.
        from .sparse_jacobians import sparse_jacobian

        return sparse_jacobian(f, argnums, mode, has_aux)

    @functools.wraps(f)
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        numbers, structure, call = differentiated(f, args, kwargs, argnums)
        recording = Recording(call, numbers, has_aux)
        size = len(recording.outputs)
        backward = mode == "rev" or (mode is None and size <= len(numbers))
        matrix = np.empty((size, len(numbers)), dtype=object)
        if backward:
            for i, row in enumerate(_basis(size)):
                matrix[i, :] = recording.pull(row)
        else:
            for j, column in enumerate(_basis(len(numbers))):
                matrix[:, j] = recording.push(column)
        arranged = arranged_as(recording.form, structure, matrix, _array)
        return (arranged, recording.aux) if has_aux else arranged

    return derivatives


def jacfwd(f: Function, argnums: Argnums = 0, has_aux: bool = False, *, sparse: bool = False) -> Function:
    """Return a function that computes the Jacobian of `f` by a forward sweep from each number.

    Parameters
    ----------
    f, argnums, has_aux, sparse
        As in `jacobian`.

    Returns
    -------
    callable
        As of `jacobian`.

    Raises
    ------
    TypeError, ValueError
        As in `jacobian`.

    Examples
    --------
    >>> jacfwd(lambda x: np.array([x, x**2, x**3]))(2.0)
    array([ 1.,  4., 12.])
    """
    return jacobian(f, argnums, mode="fwd", has_aux=has_aux, sparse=sparse)


def jacrev(f: Function, argnums: Argnums = 0, has_aux: bool = False, *, sparse: bool = False) -> Function:
    """Return a function that computes the Jacobian of `f` by a backward sweep from each result.

    Parameters
    ----------
    f, argnums, has_aux, sparse
        As in `jacobian`.

    Returns
    -------
    callable
        As of `jacobian`.

    Raises
    ------
    TypeError, ValueError
        As in `jacobian`.

    Examples
    --------
    >>> jacrev(lambda x: x.sum())(np.array([2.0, 3.0]))
    array([1., 1.])
    """
    return jacobian(f, argnums, mode="rev", has_aux=has_aux, sparse=sparse)


def hessian(f: Function, argnums: Argnums = 0, has_aux: bool = False, *, sparse: bool = False) -> Function:
    """Return a function that computes the Hessian of `f`, by a forward sweep over the gradient per number.

    Parameters
    ----------
    f : callable
        The function.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.
    sparse : bool
        Whether to compute only what may differ from 0, as sparse matrices (see `jacobian`). The result of `f`
        must be a single number then.

    Returns
    -------
    callable
        It takes the arguments of `f`. For an array of n numbers and a single result, the Hessian has shape
        (n, n). With `has_aux` it is paired with the auxiliary data.

    Raises
    ------
    TypeError, ValueError
        As in `jacobian`; with `sparse`, a TypeError also for a result that is not a single number.
    ModuleNotFoundError
        For `sparse` where SciPy is not installed.

    Notes
    -----
    A sparse Hessian takes a forward sweep over the gradient for each colour of a star colouring, which reads
    a number in the column where it stands or in the one that mirrors it (Gebremedhin, Manne and Pothen 2005):
    two sweeps for an arrow of any size. Its places are those of the Jacobian of the gradient,
    ``sparsity(grad(f), x)``, and those that mirror them. So what is linear has none: ``x * y`` has a number
    for the pair, and none on the diagonal.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    >>> print(hessian(lambda x: x[0] ** 2 * x[1], sparse=True)(np.array([3.0, 2.0])).toarray())
    [[4. 6.]
     [6. 0.]]
    """
    if sparse:
        from .sparse_jacobians import sparse_hessian

        return sparse_hessian(f, argnums, has_aux)
    return jacfwd(jacrev(f, argnums, has_aux), argnums, has_aux)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """Return the product of the Hessian of `f` with a vector, by one forward sweep over the gradient.

    Parameters
    ----------
    f : callable
        A function whose result is a single number.
    primals, tangents : tuple or list
        The arguments, and a vector of the structure of each.
    has_aux : bool
        Whether `f` returns a pair of its result and auxiliary data, which are passed on.

    Returns
    -------
    tree
        A tree of the structure of the argument, or a tuple of trees for several arguments; with `has_aux` a
        pair of this and the auxiliary data.

    Raises
    ------
    TypeError, ValueError
        As in `jvp` and `grad`.

    Examples
    --------
    >>> hvp(lambda x: x[0] ** 2 * x[1], (np.array([3.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([4., 6.])
    """
    _check_tuples(primals, tangents)
    argnums: Argnums = 0 if len(primals) == 1 else range(len(primals))
    _, *product = jvp(grad(f, argnums, has_aux), primals, tangents, has_aux)
    return tuple(product) if has_aux else product[0]


# -------------------------------------------------------------------------------------------------- checks


def _check_tuples(primals: Any, tangents: Any) -> None:
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(f"expected {name} to be a tuple with one item for each argument, got {given!r}")


# ----------------------------------------------------------------------------------------------- results


def _check_scalar(form: Structure) -> None:
    if form != Leaf(()):
        hint = "return one" if str(form) == "None" else "use jacobian, or sum the result"
        raise TypeError(
            "expected a single number as the result of the function, since a gradient is that of one, got "
            f"{form}; {hint}"
        )


def _basis(size: int) -> list[list[float | None]]:
    """Return the rows of the identity matrix, with None for 0: nothing flows along these directions."""
    return [[1.0 if i == j else None for j in range(size)] for i in range(size)]


def arranged_as(form: Structure, structure: Structure, matrix: Any, leaf: Callable[..., Any]) -> Any:
    """Return a Jacobian matrix as a tree like the results, with a tree like the arguments at each leaf.

    Parameters
    ----------
    form, structure : Structure
        The structures of the result and of the argument.
    matrix : ndarray or anything with its `take`
        A row for each number of the result, and a column for each of the argument.
    leaf : callable
        From a leaf of the result, one of the argument, and what they have of the matrix to their block.

    Examples
    --------
    >>> from .trees import flatten
    >>> pair = flatten([1.0, 2.0])[1]
    >>> arranged_as(Leaf(()), pair, np.array([[3.0, 4.0]]), lambda row, column, block: block.item())
    [3.0, 4.0]
    """
    if isinstance(form, Branch):
        rows = blocks(matrix, form, axis=0)
        return form.build([arranged_as(part, structure, block, leaf) for part, block in rows])
    if isinstance(structure, Branch):
        columns = blocks(matrix, structure, axis=1)
        return structure.build([arranged_as(form, part, block, leaf) for part, block in columns])
    return leaf(form, structure, matrix)


def _array(form: Leaf, structure: Leaf, matrix: Any) -> Any:
    is_array = form.is_array or structure.is_array
    return array_of(matrix.ravel().tolist(), form.shape + structure.shape, is_array=is_array)
