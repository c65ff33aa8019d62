"""`jit`: run a function once on `Value`s, and from then on as a program of NumPy, Numba or JAX."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..engine.levels import open_scopes
from ..engine.nonfinite import is_anomaly_enabled
from ..engine.value import Value
from ..files import write_whole
from ..transforms.module_copies import WAYS, Way
from .arguments.call import Call
from .arguments.open_lengths import OpenLengths
from .arguments.static import StaticArguments
from .kept_programs import NOTHING, KeptPrograms, Ready
from .recording import UsesVariablesAroundError, recorded
from .results import BuiltResults
from .runtime.background import improve_later
from .runtime.patience import Use, improve_when_worthwhile
from .runtime.program import Answer, CompilationReport, Program

if TYPE_CHECKING:
    from .jax.calls import JaxCalls
    from .jax.export import StableHLO
    from .latex.equations import Equations
    from .latex.three_forms import ThreeForms


class Jitted:
    """A compiled function: each kind of arguments is compiled when it first comes.

    Attributes
    ----------
    source : str
        The program of the last call: a module of NumPy, or of JAX, which runs on its own.

    Examples
    --------
    >>> f = jit(lambda x: (x * x).sum())
    >>> f(np.array([1.0, 2.0, 3.0]))
    14.0
    >>> print(f.source)
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def program(x):
        v1 = x @ x
        return (v1,)
    <BLANKLINE>
    """

    # Where the caches are cold, a call takes 20 ns for each place that it looks at: in a dict three more.
    __slots__ = ("__dict__", "__weakref__", "_answer", "_latest")

    def __init__(
        self,
        f: Callable[..., Any],
        backend: str = "numpy",
        static: StaticArguments | None = None,
        *,
        is_patient: bool = False,
        library: JaxCalls | None = None,
    ) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._backend = backend
        self._static = static
        self._library = library
        self._is_patient = is_patient
        self._use = Use()
        self._programs, self._latest = KeptPrograms(), NOTHING
        self._answer: Answer | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program for these arguments; compile it if there is none."""
        # Read once: another thread may be calling with other arguments.
        answer = self._answer
        if answer is not None:
            found = answer(args, kwargs)
            if found is not ...:
                return found
        ready = self._latest
        arrays = ready.read(args, kwargs)
        if arrays is None:
            return self._call_other(args, kwargs)
        program = ready.program
        results = program.run(*arrays)
        if program.enter is not ready.entered:
            self._enter(ready)
        if open_scopes:
            self._look_for_faults(results, args, kwargs)
        return ready.build(*results)

    def _call_other(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a call whose arguments are of another key than those of the last one."""
        era = self._programs.era
        for alike in self._programs.alike(args, kwargs):
            if alike.answer is not None:
                found = alike.answer(args, kwargs)
                if found is not ...:
                    self._use_next(alike)
                    return found
            arrays = alike.read(args, kwargs)
            if arrays is not None:
                return self._run(alike, arrays, args, kwargs)
        call = self._taken_apart(args, kwargs)
        # Somebody differentiates or traces through this call, so its operations have to be recorded.
        if call.is_recorded:
            return self._f(*args, **kwargs)
        ready = self._programs.find(call)
        if ready is None:
            try:
                program, results, lengths = self._recorded(call)
            except UsesVariablesAroundError:
                return self._f(*args, **kwargs)
            if self._is_patient:
                improve_when_worthwhile(program, self._use)
            else:
                improve_later(program)
            ready = self._programs.keep(call, program, results, lengths, era)
        return self._run(ready, call.arrays, args, kwargs)

    def _recorded(self, call: Call) -> tuple[Program, BuiltResults, OpenLengths]:
        """Return the program of a call that has none yet."""
        return recorded(call, self._backend, library=self._library)

    def _taken_apart(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Return a call of the function."""
        devices = None if self._library is None else self._library.arrays
        return Call(self._f, args, kwargs, self._static, devices)

    def _run(self, ready: Ready, arrays: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a program, and have the next call try it first."""
        self._use_next(ready)
        results = ready.program.run(*arrays)
        if ready.program.enter is not ready.entered:
            self._enter(ready)
        if open_scopes:
            self._look_for_faults(results, args, kwargs)
        return ready.build(*results)

    def _use_next(self, ready: Ready) -> None:
        """Have the next call try a program first."""
        self._programs.use(ready)
        # No other thread runs between this comparison and the assignment, since nothing is called.
        if ready.era is self._programs.era:
            self._latest, self._answer = ready, ready.answer

    def _enter(self, ready: Ready) -> None:
        """Have machine code answer the calls that a program is ready for, if there is some."""
        ready.enter()
        # Another thread may have forgotten it, or be calling with other arguments.
        if self._latest is ready:
            self._answer = ready.answer

    def _look_for_faults(self, results: Iterable[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """In anomaly mode, rerun the function eagerly where a result is not finite, to name the operation."""
        are_finite = _are_finite if self._library is None else self._library.are_finite
        if is_anomaly_enabled() and not are_finite(results):
            call = self._taken_apart(args, kwargs)
            call.on([Value(number) for array in call.arrays for number in np.ravel(array).tolist()])

    def __reduce__(self) -> tuple[Callable[..., Jitted], tuple[Any, ...]]:
        # Loaded when first used, as nearly no function is pickled.
        from .jitted_pickles import reduced

        return reduced(self)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind the function as a method: the object, which must be a module, is its first argument."""
        return self if instance is None else functools.partial(self, instance)

    @property
    def dtype(self) -> str:
        """What its programs compute in."""
        return "float64" if self._library is None else self._library.dtype

    @property
    def source(self) -> str:
        """The program of the last call: a module of NumPy, or of JAX, which runs on its own."""
        return self._program().source

    def to_latex(self, *, dimensions: bool = True) -> Equations:
        r"""Return the program of the last call as mathematics: its arrays, and the gradients that it returns.

        Formulas are simplified for people by algebra of real numbers: short arrays are written where they
        are used, like terms are added, factors that cancel are left out, what all terms share stands in
        front, and the rules of the table have their names, such as ``σ'(z)``. Arrays are called by the names
        of arguments, of a module's parameters, and of the variables that the function's source assigns.

        Parameters
        ----------
        dimensions : bool
            Whether there are dimensions below the arrays in LaTeX.

        Returns
        -------
        Equations
            A notebook typesets it, ``str`` gives LaTeX, and a terminal shows plain text.

        Raises
        ------
        RuntimeError
            If the function was not called yet.
        NotImplementedError
            For a program that is no formula of arrays, such as one that is interpreted from a table.

        Examples
        --------
        Of a loop over samples it makes the vectorised form (notes D3):

        >>> from autograd import sigmoid, value_and_grad
        >>> def cost(w, b, X, Y):
        ...     J = 0.0
        ...     for i in range(len(Y)):
        ...         a = sigmoid(w[0] * X[0, i] + w[1] * X[1, i] + b)
        ...         J = J - Y[i] * a.log() - (1.0 - Y[i]) * (1.0 - a).log()
        ...     return J / len(Y)
        >>> f = jit(value_and_grad(cost, (0, 1)))
        >>> _ = f(np.zeros(2), 0.0, np.ones((2, 5)), np.ones(5))
        >>> f.to_latex()
        Z = wᵀ X + b
        A = sigmoid(Z)
        J = -1/5 Σ_i (Y[i] log(A[i]) + (1 - Y[i]) log(1 - A[i]))
        dZ = A - Y
        ∂J/∂w = 1/5 X dZᵀ
        ∂J/∂b = 1/5 Σ_i dZ[i]
        dZ is what flows back: ∂J/∂Z = dZ/5.
        """
        # Loaded when first used, as only who looks at a program needs it.
        from .latex.equations import equations_of

        return equations_of(self._f, *self._plan(), dimensions=dimensions)

    def to_stablehlo(self, *, platforms: Sequence[str] | None = None) -> StableHLO:
        """Return the program of the last call as StableHLO, for any size of its batches.

        Where the program leaves lengths open, as `vmap` does that of its batch, so does what is exported;
        other shapes are those of the last call.

        Parameters
        ----------
        platforms : sequence of str, optional
            For which platforms, such as ``("cpu", "cuda", "tpu")``; by default for the one that JAX runs on.

        Returns
        -------
        StableHLO
            Its text is ``str(...)``; ``bytes(...)``, or a file that ``save(path)`` writes, is read by
            `jax.export.deserialize` where chainrule is not installed.

        Raises
        ------
        NotImplementedError
            For a function of another backend than JAX.
        RuntimeError
            If the function was not called yet.

        Examples
        --------
        >>> jax = __import__("pytest").importorskip("jax")
        >>> from autograd import vmap
        >>> f = jit(vmap(lambda w, x: (w * x).sum(), in_axes=(None, 0)), backend="jax")
        >>> _ = f(np.ones(3), np.ones((10, 3)))
        >>> exported = f.to_stablehlo()
        >>> exported
        <StableHLO of <lambda>(float64[3], float64[batch,3]) for cpu>
        >>> "stablehlo.dot_general" in str(exported)
        True
        """
        if self._library is None:
            raise NotImplementedError(
                f"StableHLO is written from programs of JAX, and this one is compiled for {self._backend}: "
                "take jit(f, backend='jax')"
            )
        export = self._program().export
        assert export is not None
        found: StableHLO = export(platforms)
        return found

    def derivation(self) -> ThreeForms:
        """Return the source of the function, its NumPy program, and its formulas, side by side.

        Returns
        -------
        ThreeForms
            A terminal shows columns of text, a notebook a table with typeset formulas.

        Raises
        ------
        RuntimeError, NotImplementedError
            As for `to_latex`.

        Examples
        --------
        >>> def f(w, x):
        ...     total = 0.0
        ...     for i in range(len(w)):
        ...         total = total + w[i] * x[i]
        ...     return total
        >>> f = jit(f)
        >>> _ = f(np.ones(3), np.ones(3))
        >>> [(row.program, row.text) for row in f.derivation().rows]
        [(['def program(w, x):', 'v1 = w @ x', 'v2 = 0.0 + v1', 'return (v2,)'], 'total = wᵀ x')]
        """
        from .latex.three_forms import three_forms

        return three_forms(self._f, self.source, *self._plan())

    def to_c(
        self,
        path: str | os.PathLike[str],
        argnums: int | Sequence[int] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        r"""Write the function in standard C, for arguments of the form of the last call.

        It needs ``<math.h>`` alone. Beside ``x.c`` there is the header ``x.h``, which says what each function
        takes. A function that returns one number becomes three: ``NAME`` computes it, ``NAME_gradient`` it
        and the gradient, and ``NAME_hvp`` the product of the Hessian and a vector. Any other becomes one,
        with its results; those of ``jit(value_and_grad(f))`` or ``jit(jacobian(f))``, say, are derivatives. A
        length that the program leaves open, as that of a batch, is an argument.

        Parameters
        ----------
        path : path-like
            Where to write it, such as ``"loss.c"``.
        argnums : int or sequence of int, optional
            The arguments by position that a function of one number is differentiated by; all by default.
        name : str, optional
            What the function is called: by default what it is called in Python, or else as the file.

        Raises
        ------
        RuntimeError
            If the function was not called yet.
        ValueError
            For a path that does not end in ``.c``, a name that C does not allow, or `argnums` that there
            are not.
        NotImplementedError
            For a program that has no form in C, such as loops over samples along two axes.
        OSError
            If a file cannot be written.

        Examples
        --------
        >>> import autograd, tempfile
        >>> from pathlib import Path
        >>> @jit
        ... def height(x):
        ...     return autograd.sin(x) * x
        >>> _ = height(3.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     height.to_c(Path(folder, "height.c"))
        ...     text = Path(folder, "height.c").read_text()
        >>> print(text[text.index("int height_gradient"):].partition("/*")[0])
        int height_gradient(double x, double *restrict value, double *restrict d_x, double *restrict work)
        {
            (void)work;
            double v1 = cos(x);
            double v2 = sin(x);
            double v3 = x * v1;
            double v4 = v2 * x;
            double v5 = v2 + v3;
            *value = v4;
            *d_x = v5;
            return 0;
        }
        <BLANKLINE>
        <BLANKLINE>
        """
        # Loaded when first used, as few write C.
        from .c_export import write_c

        self._program()
        assert self._latest.example is not None
        write_c(self._f, self._latest.example, path, argnums, name)

    def _plan(self) -> tuple[Any, Any, list[Any]]:
        """Return the plan of the last call, its results, and what the user calls its arguments."""
        program = self._program()
        if program.plan is None:
            operations = f"{program.report.interpreted:,}"
            raise NotImplementedError(
                f"expected a program of arrays, got one whose {operations} operations are irregular and are "
                "interpreted from a table; compile a part of it that is regular, or print(f.source)"
            )
        return (*program.plan(), program.outline)

    def report(self) -> CompilationReport:
        """Return what compiling the program of the last call found, and how often the function was compiled.

        Each kind of arguments is compiled once. The report counts them, and says why the last one was needed:
        which argument had another structure or shape, which static argument or setting of a module another
        value.

        Raises
        ------
        RuntimeError
            If the function was not called yet.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0 + 1.0)
        >>> _ = f(1.0)
        >>> f.report().classes
        4
        >>> _ = f(np.ones(3))
        >>> f.report().compilations, f.report().reason
        (2, 'x is an array of shape (3,) instead of a number')
        """
        program, programs = self._program(), self._programs
        return program.report._replace(compilations=programs.compilations, reason=programs.reason)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was compiled until now to a file, without pickle, for `load` in any other process.

        The file has a program for each kind of arguments that was compiled, what it is for, and what it is
        made of: arrays and numbers, no code. Of the function it has the name and the names of its arguments.

        Parameters
        ----------
        path : path-like
            The file, of any name; one that exists is replaced as a whole.

        Raises
        ------
        RuntimeError
            If the function was not called yet.
        ValueError
            For static arguments, keys of dicts or settings that are no plain data, such as functions.
        OSError
            If the file cannot be written. An older file is not changed then.

        Examples
        --------
        >>> import tempfile
        >>> from autograd import load, value_and_grad
        >>> f = jit(value_and_grad(lambda w, x: ((w * x).sum() - 1.0) ** 2))
        >>> _ = f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     f.save(f"{folder}/loss.program")
        ...     loaded = load(f"{folder}/loss.program")
        >>> loaded(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        (100.0, array([60., 80.]))
        """
        from .program_files import bytes_of

        write_whole(Path(path), bytes_of(self))

    def wait(self) -> None:
        """Wait until the backend has compiled, or has given up, the programs of all calls until now.

        There is no need to wait, since until then the programs run on NumPy. A program that has not run long
        enough for the backend to begin by itself is compiled now.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0)
        >>> _ = f(1.0)
        >>> f.wait()
        >>> f(3.0)
        6.0
        """
        programs = self._programs.programs()
        for program in programs:
            improve_later(program)
        for program in programs:
            program.wait()

    def clear_cache(self) -> None:
        """Forget all programs; the next call traces the function again, and reads what it reads anew.

        A function keeps the programs of the last 128 kinds of arguments, which take 0.4 to 1.3 MB each. The
        process keeps what was compiled last as well, 16 MB at most, for whoever traces the same program.

        Examples
        --------
        >>> f = jit(lambda x: x * 2.0)
        >>> _ = f(1.0)
        >>> f.clear_cache()
        >>> f(3.0)
        6.0
        """
        self._programs.clear()
        self._latest, self._answer = NOTHING, None

    def _of(self, f: Callable[..., Any]) -> Jitted:
        """Return another function, compiled in the same way."""
        static = self._static and self._static.of(f)
        return Jitted(f, self._backend, static, is_patient=self._is_patient, library=self._library)

    def _program(self) -> Program:
        if self._latest is NOTHING:
            raise RuntimeError(
                f"{getattr(self._f, '__name__', 'the function')} has no program yet: call it once, so that "
                "the structure and the shapes of its arguments are known"
            )
        return self._latest.program


def _are_finite(results: Iterable[Any]) -> bool:
    return all(np.isfinite(result).all() for result in results)


# A module may hold a compiled method of its own. A copy of the module gets a new one, since the
# programs hold the parameters that they were traced with.
WAYS[Jitted] = Way(lambda jitted: [jitted._f], lambda jitted, parts: jitted._of(*parts))


@overload
def jit(
    f: Callable[..., Any],
    backend: str | None = None,
    *,
    static_argnums: int | Iterable[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    dtype: Any = None,
) -> Jitted: ...
@overload
def jit(
    f: None = None,
    backend: str | None = None,
    *,
    static_argnums: int | Iterable[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    dtype: Any = None,
) -> Callable[[Callable[..., Any]], Jitted]: ...
def jit(
    f: Callable[..., Any] | None = None,
    backend: str | None = None,
    *,
    static_argnums: int | Iterable[int] | None = None,
    static_argnames: str | Iterable[str] | None = None,
    dtype: Any = None,
) -> Jitted | Callable[[Callable[..., Any]], Jitted]:
    """Compile a function: it runs once on `Value`s, and is then replayed as a program on plain numbers.

    The compiler finds arrays in the recorded scalars: equal operations are merged, similar operations become
    arrays, and sums of products become matrix products. A call with arguments of another structure or shape
    compiles again. Derivatives compose on either side: ``jit(value_and_grad(loss))``, ``grad(jit(f))``.
    ``jit(vmap(f))`` traces and compiles a single sample if a sample consists of numbers.

    Whatever the function reads besides its arguments is read once, when it is compiled: pass what changes as
    an argument, or turn it into one with `make_functional`. If an argument is a module, its parameters are
    inputs of the program, and a change of its settings, such as another activation function, compiles again.
    Of a dataclass, the fields that hold numbers, arrays and modules are inputs. Its settings are the fields
    that are declared as ``int``, ``bool`` or ``str``, that are marked ``field(metadata={"static": True})``,
    or that hold anything else, such as a function.

    Numbers and arrays of any real type, also integers, booleans and single precision, are inputs, and are
    computed with as float64: another type, memory order or order of bytes compiles nothing. So results are
    float64, and an argument to branch on, or to count with, has to be static. ``report()`` counts the
    compilations, and says why the last one was needed.

    Small arrays of a result may be views of one array, whose memory is used again once nothing refers to any
    of them: who passes an address to C has to keep the array as well.

    A function keeps the programs of the last 128 kinds of arguments, which take 0.4 to 1.3 MB each;
    ``clear_cache()`` forgets them. What was compiled is kept by its trace, in memory and on disk: a second
    function with the same trace, and a second process, need not compile.

    The first calls run on NumPy. If Numba is installed, it compiles in the background once the function
    has been in use for a second, and later calls are faster. ``wait()`` starts this at once and waits for
    it; with ``backend="numba"`` it starts at the first call.

    With ``backend="jax"`` the program takes and returns arrays of JAX, on whatever devices they are and
    sharded as they are, and JAX's own transformations go through it: `jax.grad`, `jax.vmap`, loops and
    `shard_map`. Numbers of the result are arrays without dimensions. It computes in float64 without JAX's
    flag for that being set, except within those transformations, which need the flag or ``dtype="float32"``.

    Parameters
    ----------
    f : callable, optional
        A function of numbers, arrays, modules, and nested lists, tuples, dicts and dataclasses of them.
        Without it, `jit` returns a decorator with the other options: ``@jit(static_argnums=1)``.
    backend : {"numpy", "numba", "jax"}, optional
        What runs the program. By default NumPy, and Numba, if it is installed, once that pays off.
    static_argnums, static_argnames : int or str, or iterable of them, optional
        Positions or names of arguments that the function gets as they are. They must be hashable, and each
        new value compiles again. If only positions or only names are given, the signature gives the other.
    dtype : {"float64", "float32"}, optional
        What the program computes in. Only JAX has float32.

    Returns
    -------
    Jitted
        A function of the same arguments and results, with ``source``, ``report()``, ``wait()`` and
        ``clear_cache()``.

    Raises
    ------
    ValueError
        For an unknown backend, a dtype that it does not have, or a static argument that the function does
        not have. By the function
        returned, for a static argument that is not hashable.
    TypeError
        For an `f` that cannot be called. By the function returned, for an argument that is no tree of
        numbers, arrays and modules.
    ImportError
        For ``backend="numba"`` where Numba is not installed, and ``backend="jax"`` where JAX is not.
    NotImplementedError
        By the function returned, for a program that is not written for JAX.
    RuntimeError
        By the function returned, if it computes in float64 and a transformation of JAX in float32 goes
        through it.
    TracedValueError
        By the function returned, if `f` branches on an argument or asks for its number.

    Examples
    --------
    >>> from autograd import value_and_grad
    >>> f = jit(value_and_grad(lambda w, x: ((w * x).sum() - 1.0) ** 2))
    >>> f(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (100.0, array([60., 80.]))
    >>> @jit(static_argnums=1)
    ... def power(x, n):
    ...     return x if n == 0 else x**n
    >>> power(3.0, 2), power(3.0, 3)
    (9.0, 27.0)
    """
    chosen = backend_or_best(backend)
    library = library_of(chosen, dtype)
    if f is None:
        return functools.partial(
            jit, backend=backend, static_argnums=static_argnums, static_argnames=static_argnames, dtype=dtype
        )
    if not callable(f):
        raise TypeError(f"expected a function to compile, got {f!r} ({type(f).__name__}); options have names")
    is_static = static_argnums is not None or static_argnames is not None
    static = StaticArguments(f, static_argnums, static_argnames) if is_static else None
    return Jitted(f, chosen, static, is_patient=backend is None, library=library)


def backend_or_best(backend: str | None) -> str:
    """Return the name of the requested backend, or of the best one that is installed.

    Raises
    ------
    ValueError
        For an unknown one.
    ImportError
        For Numba or JAX where it is not installed.

    Examples
    --------
    >>> backend_or_best("numpy")
    'numpy'
    """
    if backend is not None and backend not in _NEEDED:
        raise ValueError(f"expected the backend of jit to be 'numpy', 'numba' or 'jax', got {backend!r}")
    if backend is None:
        # Looked for, not imported: that would take 0.5 s.
        return "numpy" if find_spec("numba") is None else "numba"
    package, name, extra = _NEEDED[backend]
    if find_spec(package) is None:
        raise ImportError(f"the backend {backend!r} needs {name}: pip install 'chainrule[{extra}]'")
    return backend


_NEEDED = {
    "numpy": ("numpy", "NumPy", "jit"),
    "numba": ("numba", "Numba", "jit"),
    "jax": ("jax", "JAX", "jax"),
}
"""For each backend the package that it needs, what that is called, and the extra that installs it."""


def library_of(backend: str, dtype: Any = None) -> JaxCalls | None:
    """Return what calls programs whose arrays are others than NumPy's, or None for those of NumPy.

    Parameters
    ----------
    backend : str
        The backend.
    dtype : {"float64", "float32"}, optional
        What its programs compute in.

    Raises
    ------
    ValueError
        For another dtype, and for one that the backend does not compute in.

    Examples
    --------
    >>> library_of("numpy") is None
    True
    """
    if backend != "jax":
        if dtype is not None and dtype != "float64":
            raise ValueError(
                f"the backend {backend!r} computes in float64, got dtype={dtype!r}; backend='jax' has float32"
            )
        return None
    # Loaded when first used: JAX takes a second.
    from .jax.calls import DTYPES, JaxCalls

    name = "float64" if dtype is None else getattr(dtype, "__name__", str(dtype))
    if name not in DTYPES:
        raise ValueError(f"expected dtype to be one of {', '.join(map(repr, DTYPES))}, got {dtype!r}")
    return JaxCalls(name)
