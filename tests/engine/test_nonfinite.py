from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, anomaly, grad, hessian, hvp, jacobian, jit, jvp, value_and_grad, vjp, vmap
from autograd.engine.levels import open_scopes


def line_of(mark: str) -> str:
    """Return file, number and text of the line of this file that ends with a given comment."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    ((number, text),) = ((i, line) for i, line in enumerate(lines, 1) if line.endswith(f"  # {mark}"))
    return f"{__file__}:{number}: {text.strip()}"


# ----------------------------------------------------------------------------------------------- forward


@pytest.mark.parametrize(
    ("call", "number", "message"),
    [
        (lambda x: x / 0, 1.0, "divide by zero encountered in x = 1.0 / 0.0, which gives inf"),
        (lambda x: 0 * x, inf, "invalid value encountered in 0.0 * x = inf, which gives nan"),
        (lambda x: x * x, 1e200, "overflow encountered in x = 1e+200 * x = 1e+200, which gives inf"),
        (lambda x: autograd.log(x), 0.0, "divide by zero encountered in log(x = 0.0), which gives -inf"),
        (lambda x: x.log(), -1.0, "invalid value encountered in log(x = -1.0), which gives nan"),
        (lambda x: np.exp(x), 1000.0, "overflow encountered in exp(x = 1000.0), which gives inf"),
        (lambda x: x + 1, nan, "nan is an operand of x = nan + 1.0, which gives nan"),
        (lambda x: -x, nan, "nan is an operand of -x = nan, which gives nan"),
        (lambda x: x.relu(), nan, "nan is an operand of relu(x = nan), which gives nan"),
        (lambda x: autograd.sum([x, 1]), nan, "nan is an operand of sum(x = nan, 1.0), which gives nan"),
        (lambda x: autograd.log(x.data), -1.0, "invalid value encountered in log(-1.0), which gives nan"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)
def test_forward_message(call: Callable[[Value], Any], number: float, message: str) -> None:
    """The error names the fault, the operation, the operands with their labels, and the result."""
    x = Value(number, label="x")
    with anomaly(), pytest.raises(FloatingPointError) as error:
        call(x)
    assert str(error.value).startswith(f"{message}, at {__file__}:")


def test_forward_line() -> None:
    """The error names the user's file, line and source."""
    x = Value(-1.0)
    with anomaly(), pytest.raises(FloatingPointError) as error:
        autograd.log(x)  # forward
    assert str(error.value).endswith(f", at {line_of('forward')}")


def test_forward_line_inside_numpy() -> None:
    """The line is the user's even if NumPy or this project called the operator."""
    x = autograd.as_values([1e308, 1e308])
    with anomaly(), pytest.raises(FloatingPointError) as error:
        np.sum(x)  # inside-numpy
    assert str(error.value).endswith(f", at {line_of('inside-numpy')}")


def test_the_first_node_at_fault_raises() -> None:
    """The operation that produces nan raises, not a later one that propagates it."""
    with anomaly(), pytest.raises(FloatingPointError, match=r"in log\(-1.0\)"):
        autograd.exp(autograd.log(Value(-1.0)) + 1.0) * 2.0


@pytest.mark.parametrize(
    ("call", "expected"),
    [(lambda x: x + 1.0, inf), (lambda x: np.exp(-x), 0.0), (lambda x: autograd.max(x, 1.0), inf)],
)
def test_an_infinite_operand_is_no_fault(call: Callable[[Value], Value], expected: float) -> None:
    """An operation raises if it turns finite operands into inf, not if an operand is inf."""
    with anomaly():
        assert call(Value(inf)).data == expected


# ---------------------------------------------------------------------------------------------- backward


def test_backward_message() -> None:
    """An infinite partial raises in backward, and the error names the line that built the node."""
    x = Value(0.0, label="x")
    with anomaly():
        y = autograd.sqrt(x)  # build
        with pytest.raises(FloatingPointError) as error:
            y.backward()
    assert str(error.value) == (
        "backward through sqrt(x = 0.0): the gradient 1.0 times the partial inf gives inf, "
        f"built at {line_of('build')}"
    )


def test_backward_of_an_expression_built_outside() -> None:
    """A node built outside anomaly mode raises too, without a line to name."""
    y = Value(0.0, label="x").sqrt() * 3.0
    with anomaly(), pytest.raises(FloatingPointError, match=r"sqrt\(x = 0.0\): the gradient 3.0 .* inf$"):
        y.backward()


def test_backward_zero_times_infinity() -> None:
    """An adjoint of 0 times an infinite partial gives nan, which raises."""
    x = Value(0.0)
    with anomaly(), pytest.raises(FloatingPointError, match=r"gradient 0.0 times the partial inf gives nan"):
        (x.sqrt() * 0.0).backward()


def test_backward_overflow_of_a_sum() -> None:
    """An adjoint that overflows in the sum over the uses raises too."""
    x = Value(0.5, label="x")
    with anomaly():
        y = x * 1e308 + x * 1e308
        with pytest.raises(FloatingPointError, match="inf"):
            y.backward()


def test_a_raising_backward_leaves_gradients_alone() -> None:
    """After the error the leaves have the same gradients as before."""
    x, y = Value(0.0), Value(2.0)
    (x * 3.0 + y).backward()
    out = y * x.sqrt()
    with anomaly(), pytest.raises(FloatingPointError):
        out.backward()
    assert (x.grad, y.grad) == (3.0, 1.0)


def test_outside_an_infinite_gradient_is_a_result() -> None:
    """Without anomaly mode backward gives inf for an infinite derivative."""
    x = Value(0.0)
    x.sqrt().backward()
    assert x.grad == inf


# ------------------------------------------------------------------------- derivatives, compiled functions


def root(x: Any) -> Any:
    """Return three times the square root, whose slope at 0 is infinite."""
    return autograd.sqrt(x) * 3.0  # root


DERIVATIVES: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "grad": grad,
    "value_and_grad": value_and_grad,
    "grad of grad": lambda f: grad(grad(f)),
    "jacobian": jacobian,
    "hessian": hessian,
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0),
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,)),
    "hvp": lambda f: lambda x: hvp(f, (x,), (1.0,)),
    "vmap": lambda f: lambda x: vmap(grad(f))(np.array([1.0, x])),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives(name: str, compiled: bool) -> None:
    """A non-finite derivative raises at its origin and names the user's line, also compiled."""
    derivative = DERIVATIVES[name](root)
    if compiled:
        derivative = jit(derivative, backend="numpy")
        with np.errstate(all="ignore"):
            derivative(1.0)
    with anomaly():
        derivative(4.0)
        with pytest.raises(FloatingPointError) as error:
            derivative(0.0)
    assert re.match(
        r"(back|for)ward through sqrt\(0\.0\): the \w+ [13]\.0 times the partial inf", str(error.value)
    )
    assert str(error.value).endswith(f"built at {line_of('root')}")
    assert (anomaly_is_over(), is_on()) == (True, False)


def anomaly_is_over() -> bool:
    """Return whether derivatives give inf again instead of raising."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(grad(root)(0.0)))


def test_tangents_that_add_up_to_infinity() -> None:
    """A sum of finite tangents that overflows raises too."""
    with anomaly(), pytest.raises(FloatingPointError, match=r"forward through .* adds up to inf"):
        jvp(lambda x, y: x * 1e308 + y * 1e308, (0.5, 0.5), (1.0, 1.0))


def test_a_second_derivative_names_the_users_line() -> None:
    """A fault in an operation of the derivative itself is reported at the line that asked for it."""
    with anomaly(), pytest.raises(FloatingPointError) as error:
        grad(grad(lambda x: x**1.5))(0.0)  # asked
    assert __file__ in str(error.value)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_functions(backend: str) -> None:
    """A compiled function with a non-finite result raises an error with the operation and its line."""
    if backend == "numba":
        pytest.importorskip("numba")

    def logarithms(x: Any) -> Any:
        return autograd.log(x).sum()  # compiled

    f = jit(logarithms, backend=backend)
    f(np.ones(3))
    f.wait()
    with anomaly(), pytest.raises(FloatingPointError) as error:
        f(np.array([1.0, -2.0, 3.0]))
    assert str(error.value) == (
        f"invalid value encountered in log(-2.0), which gives nan, at {line_of('compiled')}"
    )
    with np.errstate(all="ignore"):
        assert isnan(f(np.array([1.0, -2.0, 3.0])))


def test_a_compiled_function_of_infinity() -> None:
    """An infinite result of an infinite argument is no fault."""
    f = jit(lambda x: x + 1.0, backend="numpy")
    f(1.0)
    with anomaly():
        assert f(inf) == inf


# ------------------------------------------------------------------------------------- scope of anomaly mode


def is_on() -> bool:
    """Return whether anomaly mode is on, by an operation on nan."""
    try:
        return not isnan((Value(nan) + 1.0).data)
    except FloatingPointError:
        return True


def test_block() -> None:
    """Anomaly mode is on inside the block and ends with it, also after an error."""
    assert not is_on()
    with anomaly():
        assert is_on()
    with pytest.raises(KeyError), anomaly():
        raise KeyError
    assert (is_on(), open_scopes) == (False, set())


def test_nesting() -> None:
    """Anomaly mode stays on after an inner block ends."""
    with anomaly():
        with anomaly():
            assert is_on()
        assert is_on()
    assert not is_on()


def test_decorator() -> None:
    """Anomaly mode is on in each call of a decorated function."""
    watched = anomaly()(is_on)
    assert [watched(), watched(), is_on()] == [True, True, False]


def test_other_threads() -> None:
    """Anomaly mode is on only in the thread that opened it."""
    with ThreadPoolExecutor(1) as pool:
        with anomaly():
            assert (is_on(), pool.submit(is_on).result()) == (True, False)
        assert pool.submit(anomaly()(is_on)).result()
        assert not is_on()


def test_outside_it_warns() -> None:
    """Without anomaly mode there is a result, and one warning at the origin of nan."""
    with pytest.warns(RuntimeWarning, match="invalid value") as caught:
        out = autograd.log(Value(-1.0)) * 2.0 + 1.0
    assert (len(caught), isnan(out.data)) == (1, True)


def test_no_warning_besides_the_error() -> None:
    """In anomaly mode the error replaces the warning, whatever np.errstate says."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), anomaly():
        warnings.simplefilter("error")
        with pytest.raises(FloatingPointError):
            autograd.log(Value(-1.0))


def test_the_line_of_a_fault_is_remembered() -> None:
    """A node that produces nan or inf knows its line; in anomaly mode every node does."""
    with pytest.warns(RuntimeWarning):
        y = autograd.log(Value(0.0))  # fault
    assert str(y.source) == line_of("fault")
    assert (Value(1.0) + 1.0).source is None
    with anomaly():
        z = Value(1.0) + 1.0  # watched
    assert str(z.source) == line_of("watched")
