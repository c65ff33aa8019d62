"""Names of a program's arguments, derived from arbitrary labels."""

from __future__ import annotations

import ast
import keyword
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparing import evaluated
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import call_public
from test_jit import ARRAYS, by_hand, parameters

import autograd
from autograd import OPS, Value, jit, lambdify, scan, vmap
from autograd.compiler.runtime.identifiers import identifiers, is_own

# Names that programs use, keywords, and strings that Python normalises to one of these.
ODD = [
    *("v1", "𝑣1", "v₁", "v²", "np", "ｎｐ", "program", "result1", "c1", "i1", "runs", "memory", "sigmoid"),
    *("class", "𝐜𝐥𝐚𝐬𝐬", "None", "__debug__", "print", "x²", "x₁", "½", "µ", "μ", "ﬁ", "fi", "Å", "Å"),
    *("", "_", "1", "a b", "w[0]", "w.0", "̈a", "ẍ", "ẍ", "\ud800", "\0", "٣", "名前", "a\nb", '"', "\\"),
]
LABELS = st.sampled_from(ODD) | st.text(max_size=4)


@given(st.lists(LABELS, max_size=8))
def test_names_are_what_python_takes_for_variables(labels: list[str]) -> None:
    """Names are distinct normalised identifiers that are neither keywords nor used by programs."""
    names = identifiers(labels)
    assert len(set(names)) == len(labels)
    for name in names:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert not is_own(name)
        assert unicodedata.normalize("NFKC", name) == name


@given(st.lists(LABELS, min_size=3, max_size=3))
def test_lambdify_for_any_labels(labels: list[str]) -> None:
    """A lambdified function has the value of the expression for any labels of the leaves."""
    a, b, c = (Value(number, label) for number, label in zip((0.5, 2.0, 3.0), labels, strict=True))
    y = autograd.sigmoid(a * b) * c + a / autograd.exp(c - b) + autograd.max(a, b) * (a > c)
    assert lambdify(y, [a, b, c])(0.5, 2.0, 3.0) == pytest.approx(y.data, rel=1e-14)


@pytest.mark.parametrize("name", ["n", "n0", "n1", "n2", "t1", "v1", "by_blocks", "of_block"])
def test_no_argument_is_taken_for_a_length(name: str) -> None:
    """Arguments that are called as programs call lengths and indices of axes keep their values."""
    parts = f"def f({name}, x, y):", "of_x = vmap(lambda x: vmap(lambda y: x * y)(y).mean())(x)"
    program = f"{parts[0]}\n    {parts[1]}\n    return of_x.mean() * {name} + scan(step, {name}, x)[0]"
    namespace: dict[str, Any] = {"vmap": vmap, "scan": scan, "step": lambda a, x: (a * x, None)}
    exec(program, namespace)
    args = 5.0, np.arange(4.0), np.arange(3.0)
    assert jit(namespace["f"], backend="numpy")(*args) == pytest.approx(namespace["f"](*args), rel=1e-14)


def test_results_are_numbered() -> None:
    """Results that are put together from several arrays are called by their place among all."""
    f = jit(lambda x: (np.append(x, 1.0), x * 2.0, np.append(2.0, x)), backend="numpy")
    f(np.ones(3))
    assert "return (result1, v1, result3)" in f.source


@settings(max_examples=30)
@given(st.dictionaries(LABELS, st.floats(-2.0, 2.0), min_size=2, max_size=4))
def test_jit_for_any_keys(tree: dict[str, float]) -> None:
    """A compiled function agrees with an eager call for any keys of an argument."""

    def f(tree: dict[str, Any]) -> Any:
        return autograd.sum([autograd.sigmoid(number) * (i + 1) for i, number in enumerate(tree.values())])

    assert jit(f, backend="numpy")(tree) == pytest.approx(evaluated(f, tree), rel=1e-14)


@given(st.permutations(ODD[:6]))
def test_equal_labels_are_told_apart(labels: list[str]) -> None:
    """Arguments keep their order even if Python normalises their labels to the same name."""
    leaves = [Value(1.0, label) for label in labels]
    y = autograd.sum([leaf * float(i + 1) for i, leaf in enumerate(leaves)])
    numbers = [10.0**i for i in range(len(leaves))]
    assert lambdify(y, leaves)(*numbers) == sum(number * (i + 1) for i, number in enumerate(numbers))


def irregular(x: Any) -> Any:
    """Return a result without any pattern, which is interpreted from a table."""
    rng = np.random.default_rng(0)
    values = list(x)
    for _ in range(1500):
        name, i, j = rng.choice(["sigmoid", "sin", "add"]), *rng.integers(len(values), size=2)
        both = values[i] + values[j]
        values.append(both if name == "add" else getattr(autograd, name)(both * float(rng.random())))
    return autograd.sum(values)


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{name: (f, (np.array([0.7, -0.2, 0.3, 0.9]),)) for name, f in ARRAYS.items()},
    "a network": (by_hand, (parameters([2, 3, 1]), np.ones((3, 2)), np.ones(3))),
    "no pattern": (irregular, (np.ones(4) * 0.5,)),
    "every row": (
        lambda a: [
            call_public(op, [a] if op.variadic else a) for op in OPS.values() if len(op.partials) == 1
        ],
        (0.5,),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_uses_no_names_but_its_own(name: str) -> None:
    """All names that a program reads or assigns, except its arguments, are reserved."""
    f, args = PROGRAMS[name]
    compiled = jit(f, backend="numpy")
    evaluated(compiled, *args)
    tree = ast.parse(compiled.source)
    (program,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "program")
    used = {node.id for node in ast.walk(program) if isinstance(node, ast.Name)}
    used |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    unknown = used - {argument.arg for argument in program.args.args}
    assert [word for word in unknown if not is_own(word)] == []
    assert name != "no pattern" or compiled.report().interpreted > 1000
