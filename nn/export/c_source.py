"""A model as C: its value, and its gradient."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograd import OPS, Op
from autograd.c_language import KEYWORDS
from autograd.files import write_whole

from ..modules.module import Module
from .c_expressions import C
from .c_graphs import StraightLines, function_of_number, slope_of_number
from .c_statements import (
    array_definition,
    broken,
    definition,
    indented,
    loop,
    mentions,
    unused_arguments,
    without_unused,
)
from .expressions import Written
from .naming import RESERVED, called, unique
from .plans import (
    AffineStep,
    ElementwiseStep,
    EmbeddingStep,
    ExportPlan,
    GraphStep,
    HardmaxStep,
    Places,
    ScaledStep,
    SoftmaxStep,
    Step,
    UnscaledStep,
    planned,
)
from .recording import op_of

_LOGSUMEXP = """\
static double logsumexp(const double *x, int n)
{
    double top = x[0], others = 0.0;
    int first = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > top) {
            top = x[i];
            first = i;
        }
    for (int i = 0; i < n; i++)
        if (i != first)
            others += exp(x[i] - top);
    return isinf(top) ? top : top + log1p(others);
}
"""


def to_c(
    model: Module,
    path: str | os.PathLike[str] | None = None,
    preprocessing: Any = None,
    *,
    name: str | None = None,
    n_in: int | None = None,
) -> str:
    r"""Return a model as standard C that needs the mathematical functions of the standard library alone.

    The file defines two functions::

        void NAME(const double *x, double *y);
        void NAME_gradient(const double *x, const double *seed, double *dx, double *dp);

    The first computes the outputs y from the inputs x, the second the derivatives of Σ seed[k] y[k]: dx by
    the inputs, and dp by the parameters, in the order of ``model.parameters()``. Either may be NULL. With a
    seed of one 1 that is the gradient of an output; with ∂loss/∂y as the seed, that of a loss.
    ``NAME_INPUTS``, ``NAME_OUTPUTS`` and ``NAME_PARAMETERS`` are the lengths of the arrays.

    Parameters
    ----------
    model : Module
        The model, as it computes in evaluation.
    path : path-like, optional
        Where to write the file, such as ``"model.c"``.
    preprocessing : nn.datasets.Preprocessing or Standardizer, optional
        What the features go through first; of a regression, the outputs are in the unit of its targets.
    name : str, optional
        What the function is called. None takes the name of the file without its suffix, or ``model``.
    n_in : int, optional
        The number of inputs, where the first module does not say it.

    Returns
    -------
    str
        The source.

    Raises
    ------
    TypeError
        For a model that does more than operations on numbers; the error names the module.
    ValueError
        If the number of inputs is not known, or the name is none of C.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> from nn import Layer
    >>> source = to_c(Layer(2, 1, "tanh", rng=0), name="neuron")
    >>> print(source[source.index("*y)\n{") - 36 :].partition("void neuron_gradient")[0])
    void neuron(const double *x, double *y)
    {
        double h1[1];
        for (int i = 0; i < 1; i++) {
            h1[i] = b1[i];
            for (int j = 0; j < 2; j++)
                h1[i] += W1[i][j] * x[j];
        }
        for (int i = 0; i < 1; i++)
            y[i] = tanh(h1[i]);
    }
    <BLANKLINE>
    <BLANKLINE>
    """
    given = name or (re.sub(r"\W", "_", Path(path).stem, flags=re.ASCII) if path is not None else "model")
    taken = given in KEYWORDS or given in OPS or RESERVED.fullmatch(given)
    if taken or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
        raise ValueError(f"expected a name that C has for a function, got {given!r}: pass name=")
    with planned(model, preprocessing, n_in) as plan:
        source = _File(plan, given).source()
    if path is not None:
        write_whole(Path(path), source.encode())
    return source


@dataclass(frozen=True)
class _Block:
    """What a step becomes: statements from its inputs to its outputs, and from adjoints to adjoints."""

    forward: list[str]
    backward: list[str]
    cuts: bool = False
    """Whether no derivative flows through it, so that none before it is 0 times infinity."""


class _File:
    """The source of a file in the making."""

    def __init__(self, plan: ExportPlan, name: str) -> None:
        self.plan = plan
        self.name = name
        self.needed: dict[str, Op] = {}
        self.arrays: list[str] = []
        self.functions: dict[str, str] = {}
        self.elementwise: dict[str, str] = {}

    def source(self) -> str:
        plan = self.plan
        widths = [width for _, width in plan.steps]
        blocks = [
            self.block(number, step, f"h{number - 1}" if number > 1 else "x", width)
            for number, (step, width) in enumerate(plan.steps, 1)
        ]
        rows = [_row_function(op, self.needed) for op in list(self.needed.values())]
        value = self.value(blocks, widths)
        gradient = self.gradient(blocks, widths)
        upper = self.name.upper()
        remarks = textwrap.indent(plan.remarks, "   ")
        head = (
            f"/* {plan.title}, exported by chainrule: its outputs y for the inputs x; and the derivatives\n"
            f"   of the sum of seed[k] * y[k] by the inputs (dx) and by the parameters (dp), of which\n"
            f"   either may be NULL.{remarks and chr(10)}{remarks} */\n"
            f"#include <math.h>\n#include <stddef.h>\n\n"
            f"#define {upper}_INPUTS {plan.n_in}\n#define {upper}_OUTPUTS {plan.n_out}\n"
            f"#define {upper}_PARAMETERS {plan.n_parameters}\n"
        )
        declared = (
            f"void {self.name}(const double *x, double *y);\n"
            f"void {self.name}_gradient(const double *x, const double *seed, double *dx, double *dp);\n"
        )
        definitions = [
            definition(f"void {self.name}(const double *x, double *y)", value),
            definition(
                f"void {self.name}_gradient(const double *x, const double *seed, double *dx, double *dp)",
                gradient,
            ),
        ]
        helpers = [_LOGSUMEXP] if any("logsumexp(" in text for text in self.functions.values()) else []
        functions = [*helpers, *rows, *self.functions.values()]
        return "\n".join([head, declared, *self.arrays, *functions, *definitions])

    def value(self, blocks: Sequence[_Block], widths: Sequence[int]) -> list[str]:
        """Return the body of the function, whose last step writes into y."""
        if not blocks:
            return loop(self.plan.n_out, "y[i] = x[i];")
        kept = [f"h{number}[{width}]" for number, width in enumerate(widths[:-1], 1)]
        lines = [line for block in blocks for line in block.forward]
        lines = [re.sub(rf"\bh{len(blocks)}\b", "y", line) for line in lines]
        return [*([f"double {', '.join(kept)};"] if kept else []), *lines]

    def gradient(self, blocks: Sequence[_Block], widths: Sequence[int]) -> list[str]:
        """Return the body of the gradient: the steps that its sweep needs, and the sweep, from the seed."""
        plan, last = self.plan, len(blocks)
        cut = max((number for number, block in enumerate(blocks) if block.cuts), default=-1)
        backward = [line for block in reversed(blocks[max(cut, 0) :]) for line in block.backward]
        start = "0.0" if cut >= 0 else "d0[i]" if blocks else "seed[i]"
        backward += ["if (dx != NULL)", *indented(loop(plan.n_in, f"dx[i] = {start};"))]
        backward = [re.sub(rf"\bd{last}\b", "seed", line) for line in backward]
        forward: list[str] = []
        kept: list[str] = []
        for number in range(last, 0, -1):
            if mentions([*forward, *backward], f"h{number}"):
                forward[:0] = blocks[number - 1].forward
                kept.insert(0, f"h{number}[{widths[number - 1]}]")
        adjoints = enumerate([plan.n_in, *widths[:-1]])
        kept += [f"d{number}[{width}]" for number, width in adjoints if mentions(backward, f"d{number}")]
        zeros = ["if (dp != NULL)", *indented(loop(plan.n_parameters, "dp[i] = 0.0;"))]
        lines = [
            *([f"double {', '.join(kept)};"] if kept else []),
            *forward,
            *(zeros if plan.n_parameters else []),
            *backward,
        ]
        return [*unused_arguments(" ".join(lines), "x", "seed", "dp"), *lines]

    def block(self, number: int, step: Step, x: str, after: int) -> _Block:
        """Return the statements of a step, from the array `x` to the array h{number}."""
        h, d, dx = f"h{number}", f"d{number}", f"d{number - 1}"
        match step:
            case ScaledStep():
                self.arrays += [array_definition("mean", step.mean), array_definition("scale", step.scale)]
                forward = loop(after, f"{h}[i] = ({x}[i] - mean[i]) / scale[i];")
                return _Block(forward, loop(after, f"{dx}[i] = {d}[i] / scale[i];"))
            case UnscaledStep():
                self.arrays += [
                    array_definition("target_mean", step.mean),
                    array_definition("target_scale", step.scale),
                ]
                forward = loop(after, f"{h}[i] = {x}[i] * target_scale[i] + target_mean[i];")
                return _Block(forward, loop(after, f"{dx}[i] = {d}[i] * target_scale[i];"))
            case AffineStep():
                return self.affine(step, number, x)
            case EmbeddingStep():
                return self.embedding(step, number, x, after)
            case SoftmaxStep():
                return _Block(_softmax(x, h, after), _softmax_backward(h, d, dx, after))
            case HardmaxStep():
                forward = [
                    f"int top{number} = 0;",
                    *loop(after, f"if ({x}[i] > {x}[top{number}]) top{number} = i;"),
                    *loop(after, f"{h}[i] = i == top{number};"),
                ]
                return _Block(forward, [], cuts=True)
            case ElementwiseStep():
                flows = StraightLines(step.graph, {}, self.needed).reaches_inputs
                value, slope = self.of_elementwise(step, flows)
                forward = loop(after, f"{h}[i] = {value.format(f'{x}[i]')};")
                backward = f"{dx}[i] = {d}[i] * {slope.format(f'{x}[i]', f'{h}[i]')};"
                return _Block(forward, loop(after, backward) if flows else [], not flows)
        return self.of_graph(step, number, x)

    def affine(self, step: AffineStep, number: int, x: str) -> _Block:
        place = 1 + sum("double W" in text for text in self.arrays)
        weights, biases = f"W{place}", f"b{place}"
        self.arrays += [array_definition(weights, step.weights), array_definition(biases, step.biases)]
        n_out, n_in = step.weights.shape
        h, d, dx = f"h{number}", f"d{number}", f"d{number - 1}"
        forward = [
            f"for (int i = 0; i < {n_out}; i++) {{",
            f"    {h}[i] = {biases}[i];",
            *indented(loop(n_in, f"{h}[i] += {weights}[i][j] * {x}[j];", index="j")),
            "}",
        ]
        backward = [
            f"for (int j = 0; j < {n_in}; j++) {{",
            f"    {dx}[j] = 0.0;",
            *indented(loop(n_out, f"{dx}[j] += {weights}[i][j] * {d}[i];")),
            "}",
        ]
        of_weights = self.added(step.weight_places, f"at_{weights}", f"{d}[i] * {x}[j]")
        inner = [
            *self.added(step.bias_places, f"at_{biases}", f"{d}[i]"),
            *(loop(n_in, *of_weights, index="j") if of_weights else []),
        ]
        if inner:
            backward += ["if (dp != NULL)", f"    for (int i = 0; i < {n_out}; i++) {{"]
            backward += [*indented(indented(inner)), "    }"]
        return _Block(forward, backward)

    def embedding(self, step: EmbeddingStep, number: int, x: str, after: int) -> _Block:
        """Return the rows of tokens; of one that the table has no row of, nan."""
        place = 1 + sum("double E" in text for text in self.arrays)
        table, h, d = f"E{place}", f"h{number}", f"d{number}"
        self.arrays.append(array_definition(table, step.table))
        tokens, width = step.table.shape
        of_token = step.places[0, 0] + width * np.arange(tokens)[:, None] + np.arange(width)
        has_token = f"{x}[i] >= 0.0 && {x}[i] < {tokens}.0"
        inner = f"{h}[{width} * i + j] = {has_token} ? {table}[(int){x}[i]][j] : NAN;"
        forward = [f"for (int i = 0; i < {after // width}; i++)", *indented(loop(width, inner, index="j"))]
        if not (step.places == of_token).all():
            raise TypeError("Embedding cannot be exported to C: some of its rows do not train, or are shared")
        first = f"{step.places[0, 0]} + " if step.places[0, 0] else ""
        added = f"dp[{first}{width} * (int){x}[i] + j] += {d}[{width} * i + j];"
        backward = [
            "if (dp != NULL)",
            f"    for (int i = 0; i < {after // width}; i++)",
            f"        if ({has_token})",
            *indented(indented(indented(loop(width, added, index="j")))),
        ]
        return _Block(forward, backward, cuts=True)

    def added(self, places: Places, name: str, adjoint: str) -> list[str]:
        """Return how to add to the derivatives by parameters: at a formula of i and j, or else by a table."""
        if (places < 0).all():
            return []
        formula = _formula(places)
        if formula is not None:
            return [f"dp[{formula}] += {adjoint};"]
        shape = "".join(f"[{length}]" for length in places.shape)
        rows = str(places.tolist())[1:-1].replace("[", "{").replace("]", "}")
        self.arrays.append("\n".join([f"static const int {name}{shape} =", *broken(f"    {{{rows}}};"), ""]))
        at = f"{name}[i]" if places.ndim == 1 else f"{name}[i][j]"
        return [f"if ({at} >= 0)", f"    dp[{at}] += {adjoint};"]

    def of_elementwise(self, step: ElementwiseStep, flows: bool) -> tuple[str, str]:
        """Return how to call a function of one number and its derivative, as templates."""
        graph = step.graph
        if len(graph.nodes) == 1 and graph.nodes[0].args == graph.inputs and graph.outputs == graph.nodes:
            return self.of_row(op_of(graph.nodes[0]), flows)
        # Two modules may be the same function, which is defined once.
        body = function_of_number("", graph, self.needed)
        if body not in self.elementwise:
            name = self.unused_name(called(step.function, "activation"))
            self.elementwise[body] = name
            self.functions[name] = body.replace("static double ", f"static double {name}", 1)
            if flows:
                self.functions[f"{name}_slope"] = slope_of_number(f"{name}_slope", graph, self.needed)
        name = self.elementwise[body]
        return f"{name}({{0}})", f"{name}_slope({{0}})"

    def of_row(self, op: Op, flows: bool) -> tuple[str, str]:
        """Return how to call a row of the table and its derivative, which depends on the output as well."""
        name = f"{op.name}_slope"
        slope = C.rule(op.partials[0], {"x": Written("x"), "out": Written("out")}, self.needed).text
        if flows:
            body = [*unused_arguments(slope, "x", "out"), f"return {slope};"]
            self.functions[name] = definition(f"static double {name}(double x, double out)", body)
        return C.applied(op.name, [Written("{0}")], self.needed).text, f"{name}({{0}}, {{1}})"

    def unused_name(self, name: str) -> str:
        return unique(name, {self.name, *self.functions, *OPS, *KEYWORDS})

    def of_graph(self, step: GraphStep, number: int, x: str) -> _Block:
        name = self.unused_name(called(step.function, "step"))
        scope = StraightLines(step.graph, step.places, self.needed)
        lines = scope.forward()
        value = [*lines, *(f"y[{k}] = {scope.term(o).text};" for k, o in enumerate(step.graph.outputs))]
        signature = f"static void {name}(const double *x, double *y)"
        kept = without_unused(value)
        self.functions[name] = definition(signature, [*unused_arguments(" ".join(kept), "x"), *kept])
        count = len(step.graph.inputs)
        gradient = [
            *lines,
            *loop(count, "dx[i] = 0.0;"),
            *scope.backward([f"seed[{k}]" for k in range(len(step.graph.outputs))], "dx"),
        ]
        signature = (
            f"static void {name}_gradient(const double *x, const double *seed, double *dx, double *dp)"
        )
        kept = without_unused(gradient)
        unused = unused_arguments(" ".join(kept), "x", "seed", "dp")
        self.functions[f"{name}_gradient"] = definition(signature, [*unused, *kept])
        backward = [f"{name}_gradient({x}, d{number}, d{number - 1}, dp);"]
        return _Block([f"{name}({x}, h{number});"], backward, not scope.reaches_inputs)


def _formula(places: Places) -> str | None:
    """Return where parameters stand as a formula of i and j, if there is one."""
    first = int(places.flat[0])
    by_row = int(places[1].flat[0]) - first if len(places) > 1 else 0
    by_column = int(places[0, 1]) - first if places.ndim == 2 and places.shape[1] > 1 else 0
    rows = np.arange(len(places)) * by_row
    expected = rows if places.ndim == 1 else rows[:, None] + np.arange(places.shape[1]) * by_column
    if first < 0 or not (places == first + expected).all():
        return None
    terms = [str(first)] if first or not (by_row or by_column) else []
    for stride, index in [(by_row, "i"), (by_column, "j")]:
        terms += [index if stride == 1 else f"{stride} * {index}"] if stride else []
    return " + ".join(terms)


def _row_function(op: Op, needed: dict[str, Op]) -> str:
    body = C.rule(op.value, {name: Written(name) for name in op.parameters}, needed).text
    arguments = ", ".join(f"double {name}" for name in op.parameters)
    return f"/* {op.doc} */\n" + definition(f"static double {op.name}({arguments})", [f"return {body};"])


def _softmax(x: str, h: str, count: int) -> list[str]:
    return [
        "{",
        f"    double top = {x}[0], total = 0.0;",
        *indented(loop(count, f"top = {x}[i] > top || {x}[i] != {x}[i] ? {x}[i] : top;")),
        *indented(loop(count, f"total += {h}[i] = exp({x}[i] - top);")),
        *indented(loop(count, f"{h}[i] /= total;")),
        "}",
    ]


def _softmax_backward(h: str, d: str, dx: str, count: int) -> list[str]:
    return [
        "{",
        "    double mean = 0.0;",
        *indented(loop(count, f"mean += {h}[i] * {d}[i];")),
        *indented(loop(count, f"{dx}[i] = {h}[i] * ({d}[i] - mean);")),
        "}",
    ]
