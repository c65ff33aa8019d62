import math
from collections.abc import Callable

import pytest

from autograd.transforms.finite_differences import slopes


def in_its_domain(f: Callable[[float], float]) -> Callable[[float], float]:
    """Return a function that gives nan instead of raising outside its domain."""

    def of(x: float) -> float:
        try:
            return f(x)
        except ValueError:
            return math.nan

    return of


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (math.sin, 1.0, math.cos(1.0)),
        (math.exp, -3.0, math.exp(-3.0)),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x * x, 1e8, 2e8),
        (lambda x: 1e-12 * x, 1.0, 1e-12),
        (math.sqrt, 1e-12, 5e5),
        (lambda x: 1.0 / x, 1e-5, -1e10),
        (lambda x: -1.0 / (x * x), 1e-5, 2e15),
        (lambda x: 1.0 / x, -1e-150, -1e300),
        (lambda x: math.sin(1e9 * x), 0.0, 1e9),
        (lambda x: math.sqrt(x + 1e-12), 0.0, 5e5),
        (lambda x: max(0.0, x), 1e-12, 1.0),
        (lambda x: max(0.0, x), -1e-12, 0.0),
        (lambda x: math.log(abs(x)), 1e-300, 1e300),
    ],
    ids=[
        *["sin", "exp", "cube", "large", "small", "root near 0", "inverse near 0", "square near 0"],
        *["inverse nearer to 0", "fast", "root near its edge", "kink near 0", "kink beyond 0", "log near 0"],
    ],
)
def test_smooth(f: Callable[[float], float], x: float, expected: float) -> None:
    """For a smooth function all three slopes agree with the derivative within their uncertainty."""
    for slope in slopes(in_its_domain(f), x):
        assert slope.value == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert abs(slope.value - expected) <= 10.0 * slope.uncertainty + 1e-9 * abs(expected)


def test_rounding() -> None:
    """If function values are rounded coarsely, here to 1e-7, the uncertainty of the slopes covers it."""
    for slope in slopes(lambda x: 1e9 + math.sin(x), 0.0):
        assert abs(slope.value - 1.0) <= slope.uncertainty < 1e-3


def test_steps_of_values() -> None:
    """Values that are constant between rounding steps, as those of tanh near 1, are not taken for flat."""
    expected = -2.0 * math.tanh(10.0) / math.cosh(10.0) ** 2
    for slope in slopes(lambda x: 1.0 - math.tanh(x) ** 2, 10.0):
        assert slope.value == pytest.approx(expected, abs=1e-10)


def test_own_scales() -> None:
    """Steps have the requested scales."""
    moved: list[float] = []

    def identity(t: float) -> float:
        moved.append(abs(t))
        return t

    slopes(identity, 0.0, [100.0, 1e-6])
    assert max(moved) == 100.0 / 16.0
    assert min(t for t in moved if t) == 1e-6 * 2.0**-26


@pytest.mark.parametrize("x", [0.0, 0.3, -7.0])
def test_kink(x: float) -> None:
    """At a kink the left and right slopes are those of the two sides."""
    left, right, central = slopes(lambda t: 3.0 * (t - x) if t > x else -2.0 * (t - x), x)
    assert (left.value, right.value) == pytest.approx((-2.0, 3.0))
    assert central.value == pytest.approx(0.5)


def test_a_side_outside_of_the_domain() -> None:
    """The slope of a side outside the domain is nan."""
    left, right, central = slopes(lambda t: t**2 if t >= 1.0 else math.nan, 1.0)
    assert math.isnan(left.value)
    assert math.isnan(central.value)
    assert right.value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("f", "left", "right"),
    [
        (lambda t: math.copysign(math.sqrt(abs(t)), t), math.inf, math.inf),
        (lambda t: math.sqrt(abs(t)), -math.inf, math.inf),
        (lambda t: float(t > 0.0), 0.0, math.inf),
    ],
    ids=["root", "cusp", "step"],
)
def test_infinite(f: Callable[[float], float], left: float, right: float) -> None:
    """If the difference quotients diverge, the slope is infinite."""
    assert (slopes(f, 0.0).left.value, slopes(f, 0.0).right.value) == (left, right)
