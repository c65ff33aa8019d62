from __future__ import annotations

import builtins
import copy
import gc
import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import inf, isnan, nan
from types import FrameType
from typing import Any

import numpy as np
import pytest
from interrupts import can_be_interrupted
from threads import run_in_threads

import autograd
from autograd import OPS, Value
from autograd.engine import gradients, value
from autograd.engine.gradients import has_gradient
from autograd.engine.graph import nodes

# ---------------------------------------------------------------------------------------- making a leaf


@pytest.mark.parametrize(
    "number",
    [
        *(2, 2.0, True, Fraction(1, 2)),
        *(np.float64(2), np.float32(2), np.int64(2), np.uint8(2), np.True_, np.array(2.0), np.array(2)),
    ],
    ids=repr,
)
def test_data_is_a_python_float(number: Any) -> None:
    """Any real number is accepted, in the constructor and on assignment, and stored as a Python float."""
    leaf = Value(number)
    assert (type(leaf.data), leaf.data) == (float, float(number))
    leaf.data = -1.0
    leaf.data = number
    assert (type(leaf.data), leaf.data) == (float, float(number))


class Tensor:
    """A number of another library, which has a backward pass as well."""

    def __repr__(self) -> str:
        return "tensor(2.)"

    def backward(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("2", r"expected a real number, got '2' \(str\)"),
        (1j, r"got 1j \(complex\)"),
        (None, r"got None \(NoneType\)"),
        ([1, 2], r"as_values\(array\)"),
        (np.array([1.0, 2.0]), r"as_values\(array\)"),
        (np.array("2"), "expected a real number"),
        (Value(2), r"got Value\(2.0\); use it as it is, or its .data"),
        (Tensor(), r"expected a real number, got tensor\(2.\) \(Tensor\)$"),
    ],
    ids=repr,
)
def test_data_of_another_type(data: Any, message: str) -> None:
    """Anything but a real number raises a TypeError that shows what was passed and what to do."""
    with pytest.raises(TypeError, match=message):
        Value(data)
    leaf = Value(1.0)
    with pytest.raises(TypeError, match=message):
        leaf.data = data
    with pytest.raises(TypeError, match=message):
        leaf.backward(data)
    assert (leaf.data, leaf.grad, has_gradient(leaf)) == (1.0, 0.0, False)


@pytest.mark.parametrize("label", [None, 3, b"x"])
def test_label_of_another_type(label: Any) -> None:
    """A label that is not a str raises a TypeError."""
    with pytest.raises(TypeError, match="expected the label to be a str, got"):
        Value(1.0, label)


def test_a_leaf() -> None:
    """A leaf has no operation and no operands; its gradient starts at 0.0."""
    leaf = Value(2.0, label="x")
    assert (leaf.op, leaf.args, leaf.partials, leaf.label) == (None, (), (), "x")
    assert (leaf.grad, type(leaf.grad), has_gradient(leaf)) == (0.0, float, False)


def test_results_hold_nothing_for_a_name_that_they_do_not_have() -> None:
    """What says that a node has neither label nor source line is no object of each node."""
    x = Value(2.0)
    y = x * x
    assert not hasattr(y, "_about")
    assert (y.label, y.source, y.grad) == ("", None, 0.0)
    assert x._label_and_source() is y._label_and_source() is (x + 1.0)._label_and_source()
    y.label = "y"
    assert (y.label, y.source) == ("y", None)


def test_unknown_attributes() -> None:
    """Assigning a misspelt attribute raises."""
    with pytest.raises(AttributeError, match="gradient"):
        Value(1.0).gradient = 0.0  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------------- what is recorded


def test_operands_keep_order_and_multiplicity() -> None:
    """Operands keep their order; one that is used twice is listed twice."""
    a, b = Value(2.0), Value(3.0)
    assert [list(map(id, out.args)) for out in (a - b, b - a, a * a)] == [
        [id(a), id(b)],
        [id(b), id(a)],
        [id(a), id(a)],
    ]
    assert (a * a).partials == (2.0, 2.0)


@pytest.mark.parametrize("constant", [2, True, Fraction(2), np.float64(2), np.int32(2)], ids=repr)
def test_constants_are_literals(constant: Any) -> None:
    """A constant operand is a plain float in `args`, without a partial."""
    x = Value(3.0)
    right, left = x - constant, constant - x
    assert (right.args[0], left.args[1]) == (x, x)
    for literal in (right.args[1], left.args[0]):
        assert (type(literal), literal) == (float, float(constant))
    assert (right.partials, left.partials) == ((1.0, None), (None, -1.0))


@pytest.mark.parametrize(("condition", "truth"), [(True, 1.0), (np.False_, 0.0), (2.0, 1.0), (0.0, 0.0)])
def test_a_condition_is_a_literal_or_a_node(condition: Any, truth: float) -> None:
    """The condition of `where` is stored as 1, 0 or a node, and is not differentiated."""
    x, y, node = Value(3.0), Value(4.0), Value(condition)
    of_literal, of_node = autograd.where(condition, x, y), autograd.where(node, x, y)
    assert (type(of_literal.args[0]), of_literal.args) == (float, (truth, x, y))
    assert of_node.args[0] is node
    assert of_literal.partials == of_node.partials == (None, truth, 1.0 - truth)


def test_a_reduction_is_one_node() -> None:
    """A sum over any number of terms is one node with an operand per term."""
    terms = [Value(1.0), 2.0, Value(3.0)]
    assert autograd.sum(terms).args == tuple(terms)
    assert autograd.sum(terms).partials == (1.0, None, 1.0)
    assert autograd.sum(terms[:1]).args == (terms[0],)


def test_pos_is_a_node_of_its_own() -> None:
    """A unary plus makes a node of the same value, with derivative 1."""
    x = Value(1.5)
    assert (+x).args == (x,)
    assert ((+x).data, (+x).partials) == (1.5, (1.0,))


@pytest.mark.parametrize("name", ["data", "args", "partials"])
def test_results_are_immutable(name: str) -> None:
    """The data of a result cannot be assigned."""
    out = Value(2.0) * 3.0
    with pytest.raises(AttributeError):
        setattr(out, name, getattr(out, name))


def test_assigning_to_a_result_says_what_to_do() -> None:
    """The error for an assignment to a result says to assign to the leaves."""
    out = Value(2.0) * 3.0
    with pytest.raises(AttributeError, match=r"Value\(6.0, op='\*'\) is the result .* assign to .* a leaf"):
        out.data = 1.0


# --------------------------------------------------------------------------------------- ties and kinks


@pytest.mark.parametrize("call", [Value.max, Value.min, autograd.max, autograd.min, np.maximum, np.minimum])
def test_a_tie_goes_to_the_first(call: Callable[..., Value]) -> None:
    """In a tie of two operands the first gets the whole gradient."""
    a, b = Value(2.0), Value(2.0)
    call(a, b).backward()
    assert (a.grad, b.grad) == (1.0, 0.0)


@pytest.mark.parametrize("call", [autograd.max, autograd.min, builtins.max, builtins.min])
@pytest.mark.parametrize("form", [lambda call, items: call(items), lambda call, items: call(*items)])
def test_a_tie_of_many_goes_to_the_first(call: Callable[..., Value], form: Callable[..., Value]) -> None:
    """In a tie of many operands the first gets the whole gradient, with the builtins too."""
    leaves = [Value(2.0) for _ in range(4)]
    form(call, leaves).backward()
    assert [leaf.grad for leaf in leaves] == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("call", [autograd.relu, abs, autograd.abs, np.abs, Value.abs])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_derivative_at_a_kink(call: Callable[[Value], Value], zero: float) -> None:
    """The derivatives of relu and abs at 0 are 0."""
    x = Value(zero)
    call(x).backward()
    assert x.grad == 0.0


# ---------------------------------------------------------------------------------------------- IEEE 754

not_finite = pytest.mark.parametrize(
    ("call", "number", "expected", "message"),
    [
        (lambda x: x / 0.0, 1.0, inf, "divide by zero encountered in x = 1.0 / 0.0"),
        (lambda x: 0.0 / x, 0.0, nan, "invalid value encountered in 0.0 / x = 0.0"),
        (lambda x: x * x, 1e200, inf, "overflow encountered in x = 1e+200 * x = 1e+200"),
        (lambda x: x - x, inf, nan, "invalid value encountered in x = inf - x = inf"),
        (lambda x: x**0.5, -8.0, nan, "invalid value encountered in x = -8.0 ** 0.5"),
        (lambda x: x**-1, 0.0, inf, "divide by zero encountered in x = 0.0 ** -1.0"),
        (lambda x: 10.0**x, 400.0, inf, "overflow encountered in 10.0 ** x = 400.0"),
        (lambda x: x.log(), -1.0, nan, "invalid value encountered in log(x = -1.0)"),
        (lambda x: autograd.log(x), 0.0, -inf, "divide by zero encountered in log(x = 0.0)"),
        (lambda x: autograd.log(x.data), -1.0, nan, "invalid value encountered in log(-1.0)"),
        (lambda x: np.exp(x), 1000.0, inf, "overflow encountered in exp(x = 1000.0)"),
        (lambda x: autograd.sum([x, x]), 1e308, inf, "overflow encountered in sum(x = 1e+308, x = 1e+308)"),
        (lambda x: autograd.dot([x], [2]), 1e308, inf, "overflow encountered in dot(x = 1e+308, 2.0)"),
    ],
    ids=lambda item: item if isinstance(item, str) else "",
)


@not_finite
def test_a_result_out_of_domain_warns(
    call: Callable[[Value], Any], number: float, expected: float, message: str
) -> None:
    """The result follows IEEE 754; NumPy's warning names operation, operands and the user's line."""
    with pytest.warns(RuntimeWarning) as caught:
        out = call(Value(number, label="x"))
    assert [(str(warning.message), warning.filename) for warning in caught] == [(message, __file__)]
    assert float(out) == pytest.approx(expected, nan_ok=True)


@not_finite
def test_errstate_ignore(call: Callable[[Value], Any], number: float, expected: float, message: str) -> None:
    """Inside np.errstate(all="ignore") the result is the same and nothing is reported."""
    with np.errstate(all="ignore"):
        assert float(call(Value(number))) == pytest.approx(expected, nan_ok=True)


@not_finite
def test_errstate_raise(call: Callable[[Value], Any], number: float, expected: float, message: str) -> None:
    """Inside np.errstate(all="raise") a FloatingPointError has the same message."""
    x = Value(number, label="x")
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as error:
        call(x)
    assert str(error.value) == message


def test_errstate_by_kind() -> None:
    """`np.errstate` is honoured for each kind of fault separately."""
    x = Value(0.0)
    with np.errstate(all="raise", divide="ignore"):
        assert autograd.log(x).data == -inf


def test_nan_and_inf_pass_on_silently() -> None:
    """An operation that only propagates nan or inf does not warn."""
    assert isnan((Value(nan) * 2.0 + 1.0).data)
    assert (Value(inf) + 1.0).data == inf
    assert isnan(autograd.relu(Value(nan)).data)


@pytest.mark.parametrize("number", [-8.0, Value(-8.0)])
def test_no_complex_numbers(number: float | Value) -> None:
    """A root of a negative number is nan, never complex, whether the base is a Value or a number."""
    with np.errstate(invalid="ignore"):
        assert isnan((number ** Value(1 / 3)).data)


# ---------------------------------------------------------------------------------------------- backward


def test_leaves_accumulate_and_results_do_not() -> None:
    """Two sweeps over (x*x)**2 at 3 give 108, then 216; the inner node has the adjoint of one sweep."""
    x = Value(3.0)
    inner = x * x
    out = inner**2
    for expected in (108.0, 216.0):
        out.backward()
        assert (x.grad, inner.grad, out.grad) == (expected, 18.0, 1.0)


def test_accumulation_begins_at_what_the_leaf_holds() -> None:
    """A sweep adds to the gradient of earlier sweeps, until the user sets it to 0."""
    x = Value(3.0)
    (2.0 * x).backward()
    (x * x).backward()
    assert x.grad == 8.0
    x.grad = 0.0
    (x * x).backward()
    assert x.grad == 6.0


def test_the_seed() -> None:
    """The seed passed to backward is the adjoint of the result."""
    x = Value(3.0)
    out = x * x
    out.backward(0.5)
    assert (out.grad, x.grad) == (0.5, 3.0)


def test_backward_of_a_leaf() -> None:
    """The derivative of a leaf with respect to itself is 1, and accumulates."""
    x = Value(3.0)
    x.backward()
    x.backward()
    assert x.grad == 2.0


def test_backward_reaches_what_matters_only() -> None:
    """A node that the result does not depend on keeps its gradient."""
    x, y = Value(1.0), Value(2.0)
    aside = x * y
    (x + 1.0).backward()
    assert (y.grad, aside.grad) == (0.0, 0.0)
    assert not has_gradient(y)
    assert not has_gradient(aside)


def test_gradients_belong_to_the_forward_pass() -> None:
    """Assigning to a leaf between forward and backward changes neither the result nor its gradient."""
    x, y = Value(3.0), Value(5.0)
    out = x * y + autograd.exp(x)
    value, slope = out.data, 5.0 + autograd.exp(3.0)
    x.data, y.data = 100.0, -100.0
    out.backward()
    assert (out.data, x.grad, y.grad) == (value, slope, 3.0)


def test_a_leaf_in_a_later_expression_has_the_new_value() -> None:
    """Expressions built after an assignment use the new value."""
    x = Value(3.0)
    x.data -= 1.0
    (x * x).backward()
    assert x.grad == 4.0


def test_a_chain_of_a_million_nodes() -> None:
    """Graphs of any depth can be swept and freed."""
    x = Value(1.0)
    out = x
    before = sys.getallocatedblocks()
    for _ in range(1_000_000):
        out = out + 1.0
    out.backward()
    assert (out.data, x.grad) == (1_000_001.0, 1.0)
    held = sys.getallocatedblocks() - before
    del out
    assert sys.getallocatedblocks() - before < held / 1000


def test_many_paths() -> None:
    """Each node is visited once, although the number of paths doubles at each of a hundred levels."""
    x = Value(1.0)
    out = x
    for _ in range(100):
        out = out + out
    out.backward()
    assert x.grad == 2.0**100


# ------------------------------------------------------------------------------------- memory, interrupts


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the cyclic collector from running."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("sweep", [True, False], ids=["swept", "not swept"])
def test_dropping_the_result_frees_the_graph(sweep: bool) -> None:
    """Nodes form no reference cycles: dropping the root frees the graph without the collector."""
    with collector_off():
        x: Any = Value(2.0)
        out = autograd.logsumexp([x * x, autograd.max(x, 1.0), np.exp(x)]) * x
        if sweep:
            out.backward()
        results = [weakref.ref(node) for node in nodes(out) if node is not x]
        assert len(results) == 5
        del out
        assert [reference() for reference in results] == [None] * 5


def test_one_tracked_object_a_node() -> None:
    """A node of one or two operands is a single object to the cyclic collector, or none if it is compiled."""
    x = Value(2.0, label="x")
    for out in (x + 1.0, x * x, x.exp(), 2.0**x, -x):
        tracked = [item for item in gc.get_referents(out) if gc.is_tracked(item)]
        assert any(item is x for item in tracked) == gc.is_tracked(out)
        # Besides its operands a node only refers to what all nodes share: the row of the table and the class.
        assert all(item is x or item is out.op or item is Value for item in tracked)


SWEEP = {value.__file__, gradients.__file__}


def interrupt(function: Callable[[], None], line: int) -> bool:
    """Raise KeyboardInterrupt at a line of a function's sweep, and return whether it got that far.

    Lines are counted as they are executed in the functions that `backward` calls.
    """
    lines = iter(range(line))

    def trace(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        inside = code.co_filename in SWEEP and code.co_name != "backward"
        if inside and event == "line" and next(lines, None) is None:
            raise KeyboardInterrupt
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(previous)
    return False


@can_be_interrupted
def test_an_interrupted_sweep() -> None:
    """Wherever a sweep is interrupted, the gradients of leaves are unchanged and the next sweep is right."""
    for line in range(1000):
        x, y = Value(3.0), Value(2.0)
        out = autograd.sum([x * y, x * x * y, y**2])
        out.backward()
        interrupted = interrupt(out.backward, line)
        assert (x.grad, y.grad) == ((14.0, 16.0) if interrupted else (28.0, 32.0))
        if not interrupted:
            break
        out.backward()
        assert (x.grad, y.grad) == (28.0, 32.0)
    assert 50 < line < 999


class Interrupting(float):
    """A gradient that is interrupted by an addition."""

    def __radd__(self, other: float) -> float:
        """Raise KeyboardInterrupt as Ctrl-C does."""
        raise KeyboardInterrupt


def test_an_interrupted_accumulation() -> None:
    """A sweep interrupted while it adds to the leaves changes none of them."""
    leaves = [Value(number) for number in (1.0, 2.0, 3.0)]
    out = autograd.sum(leaves)
    out.backward()
    leaves[1].grad = Interrupting(1.0)
    with pytest.raises(KeyboardInterrupt):
        out.backward()
    assert [leaf.grad for leaf in leaves] == [1.0, 1.0, 1.0]


# ----------------------------------------------------------------------------------------------- threads


def test_threads_share_leaves() -> None:
    """Threads that sweep over different graphs lose no gradient of the leaves that they share."""
    leaves = [Value(1.0), Value(2.0)]

    def work(index: int) -> None:
        for _ in range(50):
            out = leaves[0] * index + leaves[1] * leaves[1]
            out.backward()

    run_in_threads(work)
    assert [leaf.grad for leaf in leaves] == [50.0 * sum(range(8)), 50.0 * 8 * 4.0]


def test_threads_share_a_graph() -> None:
    """The gradients of threads that sweep over the same graph add up."""
    x = Value(1.0)
    out = x
    for _ in range(20):
        out = out + x * 2.0

    def sweep_often(_: int) -> None:
        for _ in range(50):
            out.backward()

    run_in_threads(sweep_often)
    assert x.grad == 41.0 * 8 * 50


# -------------------------------------------------------------------------------- like any other number


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: Value(2), "Value(2.0)"),
        (lambda x: x, "Value(3.0, label='x')"),
        (lambda x: x * 2, "Value(6.0, op='*')"),
        (lambda x: -x, "Value(-3.0, op='-')"),
        (lambda x: autograd.relu(x), "Value(3.0, op='relu')"),
        (lambda x: autograd.sum([x, x]), "Value(6.0, op='sum')"),
    ],
)
def test_repr(make: Callable[[Value], Value], text: str) -> None:
    """The repr has value, label, operation and, after a sweep, the gradient."""
    out = make(Value(3.0, label="x"))
    assert repr(out) == text
    out.backward()
    assert repr(out) == text[:-1] + ", grad=1.0)"


def test_format() -> None:
    """Format specifications of floats work."""
    assert f"{Value(2.345):.2f}|{Value(-1.0):+8.1e}|{Value(0.5):%}" == "2.35|-1.0e+00|50.000000%"


def test_conversions() -> None:
    """A Value converts to float, int and bool as its data does."""
    assert [type(kind(Value(2.7))) for kind in (float, int, bool)] == [float, int, bool]
    assert (float(Value(2.7)), int(Value(2.7)), int(Value(-2.7))) == (2.7, 2, -2)
    assert (round(Value(2.74)), round(Value(2.74), 1)) == (3, 2.7)
    assert [bool(Value(number)) for number in (0.0, -0.0, 0.1, nan)] == [False, False, True, True]


COMPARISONS = [operator.lt, operator.le, operator.eq, operator.ne, operator.ge, operator.gt]


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize("number", [1, 1.5, nan, inf, True, Fraction(3, 2), np.float64(1.5), np.int64(1)])
def test_comparisons_by_value(compare: Callable[..., Any], number: Any) -> None:
    """Values compare by value, with each other and with numbers on either side."""
    for data in (0.5, 1.0, 1.5, nan):
        v = Value(data)
        assert compare(v, number) == compare(v, Value(number)) == compare(data, number)
        assert compare(number, v) == compare(number, data)


@pytest.mark.parametrize("compare", COMPARISONS)
def test_comparisons_are_exact(compare: Callable[..., Any]) -> None:
    """A number that no float can represent is compared exactly, as Python compares it with a float."""
    for number in (Fraction(1, 10), 10**400, -(10**400)):
        assert compare(Value(0.1), number) == compare(0.1, number)


@pytest.mark.parametrize("other", ["2", None, [2.0], 2j])
def test_comparisons_with_other_types(other: Any) -> None:
    """Anything but a real number is unequal to a Value, and ordering them raises."""
    assert Value(2.0) != other
    assert not Value(2.0) == other  # noqa: SIM201
    with pytest.raises(TypeError, match="not supported between instances of 'Value' and"):
        Value(2.0) < other  # noqa: B015


def test_hash_by_identity() -> None:
    """Two nodes of equal value are different keys."""
    a, b = Value(2.0), Value(2.0)
    assert a == b
    assert len({a, b}) == 2
    assert {a: "a", b: "b"}[a] == "a"


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("operate", BINARY)
@pytest.mark.parametrize("constant", [2, 2.5, True, Fraction(5, 2)])
def test_operators_with_numbers(operate: Callable[..., Any], constant: Any) -> None:
    """A number on either side of an operator is used as a float."""
    for out, expected in [
        (operate(Value(3.0), constant), operate(3.0, float(constant))),
        (operate(constant, Value(3.0)), operate(float(constant), 3.0)),
    ]:
        assert isinstance(out, Value)
        assert (type(out.data), out.data) == (float, expected)


@pytest.mark.parametrize("operate", [*BINARY, operator.floordiv, operator.matmul])
@pytest.mark.parametrize("other", ["2", None, 2j, [2.0], object()], ids=lambda item: type(item).__name__)
def test_operators_with_other_types(operate: Callable[..., Any], other: Any) -> None:
    """Anything but a real number raises Python's TypeError on either side of an operator."""
    with pytest.raises(TypeError, match="Value"):
        operate(Value(2.0), other)
    with pytest.raises(TypeError, match="Value"):
        operate(other, Value(2.0))


@pytest.mark.parametrize(
    ("power", "slope"),
    [
        (lambda v: v**2, 6.0),
        (lambda v: 2**v, 8 * np.log(2)),
        (lambda v: v**v, 27 * (1 + np.log(3))),
        (lambda v: v**-1, -1 / 9),
        (lambda v: v**0.5, 0.5 / np.sqrt(3)),
        (lambda v: v**0, 0.0),
    ],
)
def test_powers(power: Callable[[Value], Value], slope: float) -> None:
    """A Value can be the base, the exponent, or both."""
    v = Value(3.0)
    power(v).backward()
    assert v.grad == pytest.approx(slope, rel=1e-15)


def test_in_place_operators_make_a_new_node() -> None:
    """`total += x` makes a new node; the old one is its operand."""
    x = start = Value(3.0)
    x += 1.0
    assert (x.args, start.data) == ((start, 1.0), 3.0)


# ------------------------------------------------------------------------------------------------ copies


def test_deepcopy() -> None:
    """A deep copy of a graph has the same shape and numbers, and separate gradients."""
    x = Value(3.0, label="x")
    out = x * x + 1.0
    twin: Any = copy.deepcopy(out)
    (square, one), label = twin.args, twin.args[0].args[0].label
    assert (repr(twin), one, label, square.op) == (repr(out), 1.0, "x", OPS["mul"])
    assert square.args[0] is square.args[1]
    twin.backward()
    assert (square.args[0].grad, x.grad, has_gradient(x)) == (6.0, 0.0, False)


def test_remainders_of_what_is_no_number() -> None:
    """The other operand is asked, and if it does not know either, the error is Python's."""
    with pytest.raises(TypeError, match=r"unsupported operand type.* for %: 'Value' and 'str'"):
        Value(1.0) % "x"  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"unsupported operand type.* for %: 'list' and 'Value'"):
        [] % Value(1.0)  # type: ignore[operator]
