import math
from collections.abc import Callable

import pytest

from autograd.slopes import slopes


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (math.sin, 1.0, math.cos(1.0)),
        (math.exp, -3.0, math.exp(-3.0)),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: x * x, 1e8, 2e8),
        (lambda x: 1e-12 * x, 1.0, 1e-12),
        (lambda x: 1e9 + math.sin(x), 0.0, 1.0),
    ],
    ids=["sin", "exp", "cube", "large", "small", "offset"],
)
def test_smooth(f: Callable[[float], float], x: float, expected: float) -> None:
    """On a smooth function all three slopes are the derivative, within what they say of themselves."""
    for slope in slopes(f, x):
        assert slope.value == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert abs(slope.value - expected) <= 100.0 * slope.uncertainty + 1e-9 * abs(expected)


@pytest.mark.parametrize("x", [0.0, 0.3, -7.0])
def test_kink(x: float) -> None:
    """At a kink the slopes are those of the two sides."""
    left, right, central = slopes(lambda t: 3.0 * (t - x) if t > x else -2.0 * (t - x), x)
    assert (left.value, right.value) == pytest.approx((-2.0, 3.0))
    assert central.value == pytest.approx(0.5)


def test_a_side_outside_of_the_domain() -> None:
    """A side without values has the slope nan."""
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
    """Quotients that keep growing have no limit but infinity."""
    assert (slopes(f, 0.0).left.value, slopes(f, 0.0).right.value) == (left, right)
