from __future__ import annotations

import copy
import inspect
import operator
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracles import ORACLES, Point, derivative, exact, public, sample, split

import autograd
from autograd import OPS, Op, Value, as_values, data, grad, hessian, jit
from autograd.engine.apply import apply
from autograd.functions import generated
from autograd.ops.generate import GENERATED, write
from autograd.ops.meanings import reducing
from autograd.ops.rule import Rule
from autograd.ops.rules import compile_row, in_one_call, on_arrays, on_floats
from autograd.ops.table import COMPARISONS, Accumulator, Reduction, SpecialPoint

rows = pytest.mark.parametrize("op", OPS.values(), ids=list(OPS))
elementwise_rows = pytest.mark.parametrize(
    "op", [pytest.param(op, id=op.name) for op in OPS.values() if not op.variadic]
)
special_points = pytest.mark.parametrize(
    ("op", "point"),
    [
        pytest.param(op, point, id=f"{op.name}{point.at}")
        for op in OPS.values()
        for point in op.special_points
    ],
)


def check_rules(op: Op) -> None:
    """Assert that the rules of a row agree with its formula on floats, all over its domain."""
    rules = on_floats(op)
    for point in sample(op):
        arguments = split(op, point)
        out = rules.value(*arguments)
        partials = np.ravel([rule(*arguments, out) for rule in rules.partials])
        assert [out, *partials] == pytest.approx(exact(op.name, point), rel=1e-13, abs=1e-13)


def everywhere(op: Op) -> list[Point]:
    """Return points of the domain and the special points."""
    return sample(op) + [point.at for point in op.special_points]


def quietly(call: Callable[..., Any], *arguments: Any) -> Any:
    """Call without NumPy's warnings."""
    with np.errstate(all="ignore"):
        return call(*arguments)


def results(node: Value) -> list[float]:
    """Return the value of a node and its partials, 0 for an operand that only selects."""
    return [node.data, *(0.0 if partial is None else partial for partial in node.partials)]


def test_the_oracles_cover_the_table() -> None:
    """Each row has an oracle, and each oracle a row."""
    assert ORACLES.keys() == OPS.keys()


@rows
def test_value_and_partials(op: Op) -> None:
    """A row's value and partials are those of the formula differentiated at 30 digits."""
    check_rules(op)


@rows
def test_the_rules_in_one_call(op: Op) -> None:
    """The value and the partials that one call gives are those of a call for each, bit for bit."""
    rules = on_floats(op)
    for point in sample(op):
        arguments = split(op, point)
        out = rules.value(*arguments)
        partials = [rule(*arguments, out) for rule in rules.partials]
        assert repr(in_one_call(op)(*arguments)) == repr([out, *partials])


@pytest.mark.parametrize(
    ("op", "slot"),
    [
        pytest.param(op, slot, id=f"{op.name}-{slot}")
        for op in OPS.values()
        for slot in range(len(op.partials))
    ],
)
def test_a_wrong_rule_is_caught(op: Op, slot: int) -> None:
    """A partial that is wrong by 0.1% fails the check."""
    rule = op.partials[slot]
    wrong = Rule(f"where(({rule}) == 0.0, 0.001, 1.001 * ({rule}))")
    partials = (*op.partials[:slot], wrong, *op.partials[slot + 1 :])
    with pytest.raises(AssertionError):
        check_rules(replace(op, partials=partials))


@pytest.mark.parametrize(
    ("name", "point"),
    [
        *product(["sigmoid", "softplus"], [(-1000.0,), (-40.0,), (40.0,), (1000.0,)]),
        *product(["expm1", "log1p"], [(-1e-18,), (1e-9,), (1e-18,)]),
        *product(["logsumexp"], [(1000.0, 999.0), (-1000.0, -1001.0), (0.0, 700.0)]),
    ],
)
def test_stable_forms(name: str, point: Point) -> None:
    """If the naive formula overflows or cancels, the value is still accurate, without a warning."""
    op = OPS[name]
    expected = pytest.approx(exact(name, point)[0], rel=1e-14, abs=0.0)
    assert public(op)(*split(op, point)) == expected
    assert on_arrays(op).value(*split(op, np.array(point))) == expected


@elementwise_rows
def test_a_derivative_is_more_graph(op: Op) -> None:
    """A partial evaluated on Values can be differentiated again, which gives the second derivative."""
    words = {name: getattr(generated, name) for name in generated.__all__}
    rules = compile_row(op, words | {"pow": operator.pow, "inf": inf})
    for point in sample(op, count=3):
        for i, rule in enumerate(rules.partials):
            leaves = [Value(number) for number in point]
            partial = rule(*leaves, rules.value(*leaves))
            assert float(partial) == pytest.approx(exact(op.name, point)[1 + i], rel=1e-13, abs=1e-13)
            if isinstance(partial, Value):
                partial.backward()
            second = [derivative(op, point, i, j) for j in range(len(point))]
            assert [leaf.grad for leaf in leaves] == pytest.approx(second, rel=1e-12, abs=1e-12)


# --------------------------------------------------------------------------------------- special points


@special_points
def test_edge(op: Op, point: SpecialPoint) -> None:
    """At a special point value, partials and gradients are those listed, including the sign of a zero."""
    leaves = [Value(number) for number in point.at]
    out = quietly(public(op), *split(op, leaves))
    expected = [point.value, *point.partials]
    assert results(out) == pytest.approx(expected, rel=1e-13, abs=0.0, nan_ok=True)
    assert_same_signs(results(out), expected)
    out.backward()
    np.testing.assert_array_equal([leaf.grad for leaf in leaves], results(out)[1:])


@pytest.mark.parametrize(
    ("op", "point"),
    [
        pytest.param(op, point, id=f"{op.name}{point.at}")
        for op in OPS.values()
        for point in op.special_points
        if np.isfinite([*point.at, point.value, *point.partials]).all()
    ],
)
def test_second_derivatives_at_an_edge(op: Op, point: SpecialPoint) -> None:
    """No branch that is not taken makes a compiled second derivative nan, where all else is finite."""
    eager = hessian(lambda x: public(op)(*split(op, list(x))))
    at = np.array(point.at)
    np.testing.assert_allclose(quietly(jit(eager, backend="numpy"), at), quietly(eager, at), rtol=1e-13)


def test_one_number_in_both_operands_at_an_edge() -> None:
    """The second derivative of x**x at 0, with both rules of the power at their edge, is the eager one."""
    eager = grad(grad(lambda x: x**x))
    assert jit(eager, backend="numpy")(0.0) == eager(0.0) == 1.0


@pytest.mark.parametrize(
    ("op", "point"),
    [
        pytest.param(op, point, id=f"{op.name}{point.at}")
        for op in OPS.values()
        if op.ufunc is not None
        for point in op.special_points
    ],
)
def test_edge_warns_as_numpy(op: Op, point: SpecialPoint) -> None:
    """At a special point a Value gives the same warnings as NumPy."""
    assert op.ufunc is not None
    ours = warnings_of(public(op), *map(Value, point.at))
    numpys = warnings_of(op.ufunc, *map(np.float64, point.at))
    assert [text.partition(" encountered")[0] for text in ours] == [
        text.partition(" encountered")[0] for text in numpys
    ]


def warnings_of(call: Callable[..., Any], *arguments: Any) -> list[str]:
    """Return the texts of the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments)
    return [str(warning.message) for warning in caught]


def assert_same_signs(actual: Sequence[float], expected: Sequence[float]) -> None:
    """Assert that numbers, zeros included, have the same sign; nan has none."""
    signs = np.where(np.isnan(expected), 0.0, np.copysign(1.0, [actual, expected]))
    np.testing.assert_array_equal(*signs)


# ------------------------------------------------------------------------------------ ways to call a row


def spellings(op: Op) -> Iterator[Callable[..., Any]]:
    """Yield the ways to call a row on Values."""
    yield public(op)
    if hasattr(Value, op.name):
        yield getattr(Value, op.name)
    if op.ufunc is not None:
        yield op.ufunc


@rows
def test_spellings_agree(op: Op) -> None:
    """Operator or function, method and NumPy function give the same value and the same partials."""
    for point in everywhere(op):
        leaves = split(op, [Value(number) for number in point])
        expected, *others = (results(quietly(spelling, *leaves)) for spelling in spellings(op))
        for other in others:
            np.testing.assert_equal(other, expected)


@rows
def test_constants_among_the_operands(op: Op) -> None:
    """An operand that is a plain number has the partial None; all else stays the same."""
    for point in everywhere(op):
        out = quietly(public(op), *split(op, [Value(number) for number in point]))
        for kept in product([True, False], repeat=len(point)):
            mixed = [Value(number) if keep else number for keep, number in zip(kept, point, strict=True)]
            differentiated = mixed[op.parameters.count("condition") :]
            if not any(isinstance(operand, Value) for operand in differentiated):
                continue
            node = quietly(public(op), *split(op, mixed))
            expected = [p if keep else None for keep, p in zip(kept, out.partials, strict=True)]
            np.testing.assert_equal([node.data, *node.partials], [out.data, *expected])


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if not op.symbol])
def test_functions_on_plain_numbers(op: Op) -> None:
    """On plain numbers a function returns the plain number equal to its result on Values."""
    for point in everywhere(op):
        out = quietly(public(op), *split(op, point))
        node = quietly(public(op), *split(op, [Value(number) for number in point]))
        assert type(out) is float
        np.testing.assert_equal(out, node.data)


@elementwise_rows
def test_arrays_of_numbers(op: Op) -> None:
    """On arrays the NumPy form and the function of a row agree with Values within 2 ulp."""
    points = everywhere(op)
    columns = np.transpose(points)
    expected = [quietly(public(op), *map(Value, point)).data for point in points]
    for call in (on_arrays(op).value, public(op)):
        np.testing.assert_array_max_ulp(quietly(call, *columns), np.array(expected), maxulp=2)


@elementwise_rows
def test_arrays_of_values(op: Op) -> None:
    """On arrays of Values a function works element by element and returns an array of nodes."""
    points = everywhere(op)
    nodes = quietly(public(op), *as_values(np.transpose(points)))
    expected = [quietly(public(op), *map(Value, point)) for point in points]
    np.testing.assert_equal(data(nodes), data(expected))
    np.testing.assert_equal([results(node) for node in nodes], [results(node) for node in expected])


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if op.variadic])
def test_sequences(op: Op) -> None:
    """A reduction takes lists, tuples, generators and arrays; its NumPy form agrees up to rounding."""
    for point in everywhere(op):
        arguments = split(op, point)
        out = quietly(public(op), *arguments)
        for kind in (list, tuple, iter, np.array):
            np.testing.assert_equal(quietly(public(op), *map(kind, arguments)), out)
        assert quietly(on_arrays(op).value, *map(np.array, arguments)) == pytest.approx(out, abs=1e-14)


@pytest.mark.parametrize("name", ["max", "min"])
def test_largest_of_nothing(name: str) -> None:
    """The maximum or minimum of no operands raises an error that says so."""
    with pytest.raises(ValueError, match=f"{name}.* empty"):
        getattr(autograd, name)([])


def test_empty_reductions() -> None:
    """Without operands, sum and dot are 0 and logsumexp is -inf."""
    assert (autograd.sum([]), autograd.dot([], []), autograd.logsumexp([])) == (0.0, 0.0, -inf)


@pytest.mark.parametrize(
    "logits", [(inf, 0.0), (-inf, -inf), (inf, -inf), (inf, nan), (nan, 0.0), (0.0, nan)]
)
def test_infinite_logits(logits: Point) -> None:
    """For infinite or nan logits, logsumexp agrees with NumPy."""
    np.testing.assert_equal(quietly(autograd.logsumexp, logits), float(quietly(np.logaddexp.reduce, logits)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: autograd.sum(2.0), TypeError, "not iterable"),  # type: ignore[arg-type]
        (lambda: autograd.dot(2.0, 2.0), TypeError, "dot expected an iterable .* got 2.0"),  # type: ignore[arg-type]
        (lambda: autograd.sum([Value(1.0), "2"]), TypeError, "operand 1 is '2'"),
        (lambda: autograd.dot([1.0], [1.0, 2.0]), ValueError, "lengths 1 and 2"),
        (lambda: autograd.exp([1.0]), TypeError, "exp takes Values and numbers, but operand 0"),  # type: ignore[type-var]
        (lambda: autograd.max(Value(1.0)), TypeError, "not iterable"),
        (lambda: autograd.max([Value(1.0), "2"]), TypeError, "'2'"),
        (lambda: Value(1.0).max("2"), TypeError, "'2'"),  # type: ignore[arg-type]
        (lambda: Value(1.0).arctan2("2"), TypeError, "'2'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    """A wrong argument raises an error that shows what was passed."""
    with pytest.raises(error, match=message):
        call()


# --------------------------------------------------------------------------------------- the table itself


@rows
def test_form(op: Op) -> None:
    """A row is complete: its templates, domain and special points fit the number of its arguments."""
    assert OPS[op.name] is op
    assert op.name.isidentifier()
    assert len(op.domain) == len(op.parameters) == len(op.partials)
    assert all(low < high for low, high in op.domain)
    assert all(len(point.at) == len(point.partials) for point in op.special_points)
    assert all(len(point.at) % len(op.partials) == 0 for point in op.special_points)
    pairs = zip(op.parameters, op.partials, strict=True)
    assert all(f"∂out/∂{parameter} = {rule}" in repr(op) for parameter, rule in pairs)


@rows
def test_latex(op: Op) -> None:
    """The LaTeX of a row shows each of its arguments once, between balanced delimiters."""
    text = op.latex.format(**{parameter: f"<{parameter}>" for parameter in op.parameters})
    assert all(text.count(f"<{parameter}>") == 1 for parameter in op.parameters)
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")


@pytest.mark.parametrize(
    "duplicate",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda op: pickle.loads(pickle.dumps(op)), id="pickle"),
    ],
)
def test_rows_are_known_by_identity(duplicate: Callable[[Op], Op]) -> None:
    """A copied or unpickled row is the same object as the row of the table."""
    assert all(duplicate(op) is op for op in OPS.values())


def test_rows_do_not_change() -> None:
    """What a row holds cannot be assigned, since everything is made from it once."""
    with pytest.raises(AttributeError, match=r"rows of the table do not change, got doc = 'other'"):
        OPS["exp"].doc = "other"


def test_a_row_that_nothing_gives_a_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row whose rule is its own name needs a ufunc or a function of `math`, which the error says."""
    row = Op(name="erfcx", doc="", value="erfcx(x)", partials=("out",), latex="", domain=())
    monkeypatch.setattr("autograd.ops.rules.OPS", {**OPS, "erfcx": row})
    with pytest.raises(NotImplementedError, match=r"row 'erfcx' is 'erfcx\(x\)'.*: give the row a ufunc"):
        on_floats(row)


def test_a_reduction_with_two_running_totals() -> None:
    """No ufunc computes a row that keeps two totals."""
    totals = (Accumulator("top", -inf, Rule("max(top, x)")), Accumulator("sum", 0.0, Rule("sum + x")))
    reduction = Reduction(totals, Rule("top - sum"))
    row = Op(
        name="rest", doc="", value="rest(x)", partials=("out",), latex="", domain=(), reduction=reduction
    )
    assert reducing(row) is None


@pytest.mark.parametrize("op", COMPARISONS.values(), ids=list(COMPARISONS))
def test_comparisons_have_no_derivative(op: Op) -> None:
    """Both operands of a comparison only select, so that nothing flows back to them."""
    node = apply(op, Value(1.0), Value(2.0))
    assert node.data == float(getattr(operator, op.name)(1.0, 2.0))
    assert node.partials == (None, None)


@pytest.mark.parametrize("name", [name for name in OPS if hasattr(autograd, name)])
def test_docstrings_of_functions(name: str) -> None:
    """They say of each parameter what it is, and show a call."""
    function = getattr(autograd, name)
    text = inspect.getdoc(function) or ""
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^\**{parameter}( : .+)?\n    \S", text, re.MULTILINE)
    assert re.search(rf"^>>> .*\b{name}\(", text, re.MULTILINE)


def test_writing_the_generated_modules(tmp_path: Path) -> None:
    """The generator writes each module to its place in a package."""
    for path in GENERATED:
        (tmp_path / path).parent.mkdir(exist_ok=True)
    write(tmp_path)
    for path, source in GENERATED.items():
        assert (tmp_path / path).read_text(encoding="utf-8") == source()


@pytest.mark.parametrize("path", GENERATED)
def test_generated_modules(path: str) -> None:
    """The generated modules are up to date with the table."""
    file = Path(autograd.__file__).parent / path
    assert file.read_text(encoding="utf-8") == GENERATED[path](), "run python -m autograd.ops.generate"
