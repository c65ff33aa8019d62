from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
from comparing import close
from hypothesis import given
from programs import Program
from strategies import expressions

import autograd
from autograd import OPS, Value, explain, sigmoid, sin, sqrt, where
from autograd.engine.apply import apply
from autograd.engine.graph import edges, nodes
from autograd.show.text.formulas import latex_name
from autograd.show.text.kinks import remark_at_kink
from autograd.show.text.short_names import short_names
from nn import MLP


def lines(text: object) -> list[str]:
    """Return the lines of a text without indentation."""
    return [line.strip() for line in str(text).splitlines() if line.strip()]


def labelled(node: Value, label: str) -> Value:
    """Return a node with a label."""
    node.label = label
    return node


def test_chain_of_three() -> None:
    """A4: y = h(g(f(x))), with each factor and their product, in symbols and in numbers."""
    x = Value(0.5, "x")
    a1 = labelled(x**2.0, "a1")
    a2 = labelled(sin(a1), "a2")
    y = labelled(autograd.exp(a2), "y")
    found = lines(explain(y, x))
    assert found[0] == "dy/dx at x = 0.5"
    assert found[2:5] == ["a1 = x**2 = 0.25", "a2 = sin(a1) = 0.2474", "y = exp(a2) = 1.281"]
    assert found[6:9] == ["∂a1/∂x = 2 * x = 1", "∂a2/∂a1 = cos(a1) = 0.9689", "∂y/∂a2 = y = 1.281"]
    assert found[-1] == (
        "dy/dx = dy/da2 · da2/da1 · da1/dx = y · cos(a1) · 2 * x = 1.281 · 0.9689 · 1 = 1.241"
    )


def test_total_derivative() -> None:
    """C6: y = x + x² as u1 = x², u2 = x + u1: the sum over the uses, 1 + 2x."""
    x = Value(3.0, "x")
    u1 = labelled(x**2.0, "u1")
    u2 = labelled(x + u1, "u2")
    found = lines(explain(u2, x))
    assert "du2/dx = ∂u2/∂x + ∂u2/∂u1 · du1/dx = 1 + du1/dx = 1 + 1 · 6 = 7" in found
    assert found[-1] == "du2/dx = 1 + 1 · 6 = 7"


def test_sine_of_a_square_in_symbols() -> None:
    """C8: sin(x²) without numbers, cos(x²) · 2x."""
    x = Value(0.5, "x")
    u = labelled(x**2.0, "u")
    y = labelled(sin(u), "y")
    assert lines(explain(y, x, numbers=False)) == [
        "dy/dx",
        "Intermediate variables",
        "u = x**2",
        "y = sin(u)",
        "Partial derivatives",
        "∂u/∂x = 2 * x",
        "∂y/∂u = cos(u)",
        "Chain rule",
        "dy/dx = dy/du · du/dx = cos(u) · 2 * x",
    ]


def test_one_neuron_a_layer() -> None:
    """E2: ∂C/∂w = a⁰ · σ'(z) · 2(a - y): each factor is shown, and the product is the gradient."""
    w, b, a0 = Value(0.5, "w"), Value(0.1, "b"), Value(0.8, "a0")
    z = labelled(w * a0 + b, "z")
    a = labelled(sigmoid(z), "a")
    cost = labelled((a - 1.0) ** 2.0, "C")
    working = explain(cost, w)
    found = lines(working)
    assert found[1] == "Held constant: a0 = 0.8, b = 0.1"
    assert "∂a/∂z = a * (1 - a) = 0.235" in found
    assert found[-3:] == [
        "= 2 * v2 · 1 · a * (1 - a) · 1 · a0",
        "= -0.7551 · 1 · 0.235 · 1 · 0.8",
        "= -0.142",
    ]
    cost.backward()
    assert working.derivative == w.grad


@given(expressions())
def test_derivatives_are_the_gradients(drawn: Program) -> None:
    """The result of an explanation is the gradient, for each variable and at each kink."""
    root, variables = drawn.graph()
    root.backward()
    for x in set(variables) & set(nodes(root)):
        found = explain(root, x)
        assert close(found.derivative, x.grad)
        assert found.markdown.count("$$") % 2 == 0
        assert found.latex.count(r"\left") == found.latex.count(r"\right")
        assert found.latex.count("{") == found.latex.count("}")


def test_numbers_on_the_page_multiply() -> None:
    """The printed factors multiply to the printed result, up to rounding."""
    x = Value(1.3, "x")
    *_, factors, result = lines(explain(sin(x**2.0) * 3.0, x))[-1].split(" = ")
    numbers = [float(factor.strip("()")) for factor in factors.split(" · ")]
    assert math.prod(numbers) == pytest.approx(float(result), rel=1e-3)


def test_cases_are_those_of_the_point() -> None:
    """A function with a kink is explained by the branch of the point."""
    x = Value(2.0, "x")
    assert "∂v1/∂x = 1" in lines(explain(autograd.max(x, 1.0), x))
    assert "∂v1/∂x = 0" in lines(explain(autograd.max(x, 3.0), x))


def test_forms() -> None:
    """Text for a terminal, Markdown with formulas and LaTeX for a notebook."""
    x = Value(3.0, "x1")
    found = (x * x).explain(x)
    assert repr(found) == str(found) == found.text
    assert found._repr_markdown_() == found.markdown
    assert found._repr_latex_() == f"$$\n{found.latex}\n$$"
    assert found.markdown.startswith(r"$\frac{d v_{1}}{d x_{1}} \text{ at } x_{1} = 3$")
    assert r"\frac{\partial v_{1}}{\partial x_{1}}\text{ (1st use)} &= x_{1} = 3" in found.latex


def test_names_of_variables() -> None:
    """Nodes without a label are named by the variables that are passed, by default by the caller's."""
    x = Value(3.0)
    y = x * 2.0
    assert lines(explain(y, x))[-1] == lines(explain(y, x, names=locals()))[-1] == "dy/dx = 2"
    assert lines(explain(y, x, names={"a": x}))[-1] == "dv1/da = 2"


def test_many_uses_and_long_chains_are_cut() -> None:
    """A sum of a thousand terms, and a chain of a thousand nodes, are a screen, unless `full=True`."""
    x = Value(1.0, "x")
    total = autograd.sum([x] * 1000)
    assert "∂v1/∂x (1st use) = 1  (the same for the other 999)" in lines(explain(total, x, names={}))
    wide = str(explain(total, x, full=True))
    assert "(995 more)" in wide
    assert all(f"({which} use)" in wide for which in ("1st", "2nd", "3rd", "11th", "12th", "991st", "1000th"))
    assert len(lines(wide)) > 1000
    deep = x
    for _ in range(1000):
        deep = deep * 1.0
    assert re.search(r"  … 9\d\d more …$", str(explain(deep, x)), re.MULTILINE)
    assert len(str(explain(deep, x)).splitlines()) <= 42
    assert len(lines(explain(deep, x, full=True))) > 2000


def test_a_variable_by_itself() -> None:
    """The derivative of a variable with respect to itself is 1."""
    x = Value(3.0, "x")
    assert lines(explain(x, x)) == ["dx/dx at x = 3", "A variable by itself", "dx/dx = 1"]


def test_bad_input() -> None:
    """A node that is not upstream raises a ValueError, anything but a Value a TypeError."""
    x, other = Value(1.0, "x"), Value(2.0, "other")
    with pytest.raises(ValueError, match=r"explain\(y, x\): y = .* does not depend on x = .*'other'"):
        (x * 2.0).explain(other)
    with pytest.raises(TypeError, match="expected Values, got 1"):
        explain(x, 1)  # type: ignore[arg-type]


def test_an_assigned_leaf() -> None:
    """After an assignment to a leaf, symbols and numbers no longer agree, and the error says so."""
    x = Value(3.0, "x")
    y = x * x
    x.data = 4.0
    with pytest.raises(RuntimeError, match="was assigned to after it was computed"):
        y.explain(x)


def test_a_condition_is_held_constant() -> None:
    """The condition of a choice is held constant; if nothing else depends on x, the derivative is 0."""
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    chosen, constant = where(a > 0.0, a * b, b), where(a > 0.0, 1.0, 2.0) * b
    text = str(explain(chosen, a))
    assert "v2 = 1" in text.split("Intermediate")[0]
    assert text.endswith("dchosen/da = dchosen/dv1 · dv1/da = 1 · b = 1 · 3 = 3")
    assert " =  = " not in str(explain(constant, a))
    assert str(explain(constant, a)).count("dconstant/da = 0\n") == 1
    assert str(explain(constant, a)).endswith("dconstant/da = 0")


X, Y = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]], [1.0, -1.0, -1.0, 1.0]


def lesson(activation: str = "tanh", seed: int = 0) -> tuple[Value, MLP]:
    """Return the loss of four samples, and the network of three inputs and two hidden layers of four."""
    model = MLP(3, [4, 4, 1], activation, rng=seed)
    return autograd.sum([(model(x) - y) ** 2.0 for x, y in zip(X, Y, strict=True)]), model


def test_a_network_on_a_screen() -> None:
    """A loss of 154 nodes is explained on a screen: symbols, one line for all that is alike, constants."""
    loss, model = lesson()
    weight = model.parameters()[0]
    weight_is = f"w¹₀₀ = {weight.data:.4g}"
    working = explain(loss, weight)
    found = lines(working)
    assert len(str(working).splitlines()) <= 42
    assert max(map(len, found)) <= 100
    assert found[0] == f"dloss/dw¹₀₀ at {weight_is}"
    assert found[1] == "Names: w¹₀₀ = layers.0.neurons.0.w[0], b¹₀ = layers.0.neurons.0.b"
    assert found[2].startswith("Held constant: w¹₀₁ = ")
    assert found[2].endswith(", 35 more")
    assert sum(line.endswith("(the same for the other 15)") for line in found) >= 8
    assert any(line.endswith("w²₀₀ = 0.619  (the same for the other 15)") for line in found)
    assert "layers" not in str(working).partition("Held")[2]
    loss.backward()
    assert close(working.derivative, weight.grad)
    assert found[-1].endswith(f"= {weight.grad:.4g}")


def test_all_of_a_network() -> None:
    """With `full=True` each node and each edge has its line, and each constant its number."""
    loss, model = lesson()
    text = str(explain(loss, model.parameters()[0], full=True))
    assert "the same" not in text
    assert "more" not in text.partition("Intermediate")[0]
    assert sum("dot(" in line for line in lines(text)) == 24
    assert sum(line.startswith("∂") for line in lines(text)) == 4 + 4 + 4 + 16 * 4 + 4 * 4


@pytest.mark.parametrize("seed", range(3))
def test_each_weight_of_a_network(seed: int) -> None:
    """The lines that are shown form a chain: what one names is defined in another."""
    loss, model = lesson("relu", seed)
    loss.backward()
    for parameter in model.parameters():
        working = explain(loss, parameter)
        assert len(str(working).splitlines()) <= 42
        assert close(working.derivative, parameter.grad)
        if "more …" not in str(working):
            defined = set(re.findall(r"^  (v\d+|loss) = ", str(working), re.MULTILINE))
            assert set(re.findall(r"∂(v\d+|loss)/", str(working))) == defined


def test_symbols_in_latex() -> None:
    """In LaTeX the layer stands above in parentheses, the indices below."""
    loss, model = lesson()
    latex = explain(loss, model.parameters()[0]).latex
    assert r"w^{(1)}_{00} = \text{layers.0.neurons.0.w[0]}" in latex
    assert r"\frac{\partial v_{64}}{\partial v_{48}} &= w^{(2)}_{00}" in latex
    assert r"\quad \text{(the same for the other 15)}" in latex


def test_indices_of_two_digits_and_names_that_would_be_equal() -> None:
    """Indices above 9 stand in brackets; of two parameters with one symbol both keep their names."""
    found = short_names(
        {
            Value(0.0): "layers.11.neurons.3.w[10]",
            Value(0.0): "encoder.layers.0.w[0]",
            Value(0.0): "decoder.layers.0.w[0]",
            Value(0.0): "head.w",
            Value(0.0): "w",
            Value(0.0): "<b>.0.w[0]",
        }
    )
    assert list(found.values())[:1] == ["w¹²[3,10]"]
    assert list(found.values())[1:] == [
        "encoder.layers.0.w[0]", "decoder.layers.0.w[0]", "head.w", "w", "<b>.0.w[0]"
    ]  # fmt: skip
    assert latex_name(next(iter(found.values()))) == "w^{(12)}_{3,10}"


def test_zero_paths_are_left_out_and_counted() -> None:
    """Paths on which a partial is 0 are not shown, unless all are; `full=True` shows them."""
    x = Value(2.0, "x")
    y = x * 3.0 + autograd.relu(-x) * 5.0
    found = lines(explain(y, x))
    assert "Left out: 1 of 2 paths, on which a partial is 0" in found
    assert found[-1].endswith(" = 1 · 3 = 3")
    assert "relu" not in "".join(found)
    assert "Left out" not in str(explain(y, x, full=True))
    assert "relu" in str(explain(y, x, full=True))
    assert "relu" in str(explain(autograd.relu(-x), x))


def test_a_path_with_nan_is_not_left_out() -> None:
    """0 times infinity is nan, so that path is shown."""
    x = Value(0.0, "x")
    y = sqrt(x) * 0.0 + x
    working = explain(y, x)
    assert math.isnan(working.derivative)
    assert "sqrt" in str(working)


AT_KINKS = {
    "relu": (lambda x: autograd.relu(x), "[0, 1]", 0),
    "abs": (lambda x: abs(x), "[-1, 1]", 0),
    "max": (lambda x: autograd.max(x, 0.0), "[0, 1]", 1),
    "max of a constant": (lambda x: autograd.max(0.0, x), "[0, 1]", 0),
    "min": (lambda x: autograd.min(x, 0.0), "[0, 1]", 1),
}


@pytest.mark.parametrize(("f", "interval", "taken"), AT_KINKS.values(), ids=AT_KINKS)
def test_kinks(f: Callable[[Value], Value], interval: str, taken: int) -> None:
    """A7, C9: at a kink, and only there, both say what the partial could be, and which number is taken."""
    remark = f"(kink: any number in {interval} is a subgradient, the convention taken is {taken})"
    x = Value(0.0, "x")
    y = f(x)
    assert f"∂y/∂x = {taken}  {remark}" in lines(explain(y, x))
    assert str(y.steps()[0]).endswith(remark)
    assert remark.strip("()") in y.steps()._repr_html_()
    beside = Value(1e-300, "x")
    assert "kink" not in f"{f(beside).explain(beside)}{f(beside).steps()}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [op.name for op in OPS.values() if not op.variadic])
def test_what_is_no_kink(name: str) -> None:
    """At the special points of the table a partial that jumps is said to, a pole or a smooth one is not."""
    op = OPS[name]
    for point in op.special_points:
        node = apply(op, *map(Value, point.at))
        for edge in edges(node):
            remark = remark_at_kink(edge)
            assert not remark or name in {"abs", "relu", "max", "min", "hypot"}
            assert bool(remark) == (name in {"relu", "abs"} and point.at[0] == 0.0) or len(point.at) > 1


def test_names_are_texts_in_every_form() -> None:
    """A label that is LaTeX, Markdown or a terminal's command is shown as it is written."""
    x = Value(2.0, "$\\input{secret}$ `b` \x1b[31m")
    working = (x * x).explain(x)
    assert r"\text{\$\textbackslash{}input\{secret\}\$ `b` \textbackslash{}x1b[31m}" in working.latex
    for form in (working.text, working.markdown, working.latex):
        assert "\x1b" not in form
    assert r"\input" not in working.markdown + working.latex
    assert working.markdown.replace(r"\$", "").count("$") % 2 == 0
