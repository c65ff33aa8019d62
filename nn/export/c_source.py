"""A model as C: its value, and its gradient."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import OPS, Op, Value
from autograd.files import write_whole

from ..modules.module import Module
from .expressions import CHOICE, COMPARISON, PRODUCT, SIGN, SIGNS, SUM, Language, WordForm, Written
from .numpy_source import called, unique
from .plans import (
    AffineStep,
    ElementwiseStep,
    ExportPlan,
    GraphStep,
    HardmaxStep,
    Places,
    ScaledStep,
    SoftmaxStep,
    Step,
    UnscaledStep,
    plan_of,
)
from .recording import RecordedGraph, op_of

_WIDTH = 100

_CHOICE = WordForm("{} ? {} : {}", CHOICE, (COMPARISON, COMPARISON, COMPARISON))

_WORDS = {
    **SIGNS,
    "where": _CHOICE,
    "shortcut": _CHOICE,
    "pow": WordForm("pow({}, {})"),
    "abs": WordForm("fabs({})"),
    "arctan2": WordForm("atan2({}, {})"),
    "hypot": WordForm("hypot({}, {})"),
    **{
        name: WordForm(f"{name.replace('arc', 'a')}({{}})")
        for name in (
            *(
                "exp",
                "log",
                "log1p",
                "expm1",
                "sqrt",
                "cbrt",
                "log2",
                "log10",
                "exp2",
                "floor",
                "erf",
                "erfc",
            ),
            *("sin", "cos", "tan", "arcsin", "arccos", "arctan"),
            *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
        )
    },
}

_C = Language(_WORDS, "INFINITY")

_KEYWORDS = frozenset(
    {
        *("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum"),
        *("extern", "float", "for", "goto", "if", "inline", "int", "long", "main", "register", "restrict"),
        *("return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union"),
        *("unsigned", "void", "volatile", "while"),
    }
)

# What the file calls its own parts.
_OURS = re.compile(r"[xyWbhd]\d*|d[xp]|(target_)?(mean|scale)|seed|softmax|\w+_slope")

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
    taken = given in _KEYWORDS or given in OPS or _OURS.fullmatch(given)
    if taken or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
        raise ValueError(f"expected a name that C has for a function, got {given!r}: pass name=")
    source = _File(plan_of(model, preprocessing, n_in), given).source()
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
        self.elementwise: dict[int, tuple[str, str]] = {}

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
        head = (
            f"/* {plan.title}, exported by chainrule: its outputs y for the inputs x; and the derivatives\n"
            f"   of the sum of seed[k] * y[k] by the inputs (dx) and by the parameters (dp), of which\n"
            f"   either may be NULL. */\n"
            f"#include <math.h>\n#include <stddef.h>\n\n"
            f"#define {upper}_INPUTS {plan.n_in}\n#define {upper}_OUTPUTS {plan.n_out}\n"
            f"#define {upper}_PARAMETERS {plan.n_parameters}\n"
        )
        declared = (
            f"void {self.name}(const double *x, double *y);\n"
            f"void {self.name}_gradient(const double *x, const double *seed, double *dx, double *dp);\n"
        )
        definitions = [
            _definition(f"void {self.name}(const double *x, double *y)", value),
            _definition(
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
            return _loop(self.plan.n_out, "y[i] = x[i];")
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
        backward += ["if (dx != NULL)", *_indented(_loop(plan.n_in, f"dx[i] = {start};"))]
        backward = [re.sub(rf"\bd{last}\b", "seed", line) for line in backward]
        forward: list[str] = []
        kept: list[str] = []
        for number in range(last, 0, -1):
            if _mentions([*forward, *backward], f"h{number}"):
                forward[:0] = blocks[number - 1].forward
                kept.insert(0, f"h{number}[{widths[number - 1]}]")
        adjoints = enumerate([plan.n_in, *widths[:-1]])
        kept += [f"d{number}[{width}]" for number, width in adjoints if _mentions(backward, f"d{number}")]
        zeros = ["if (dp != NULL)", *_indented(_loop(plan.n_parameters, "dp[i] = 0.0;"))]
        lines = [
            *([f"double {', '.join(kept)};"] if kept else []),
            *forward,
            *(zeros if plan.n_parameters else []),
            *backward,
        ]
        return [*_unused(" ".join(lines), "x", "seed", "dp"), *lines]

    def block(self, number: int, step: Step, x: str, after: int) -> _Block:
        """Return the statements of a step, from the array `x` to the array h{number}."""
        h, d, dx = f"h{number}", f"d{number}", f"d{number - 1}"
        match step:
            case ScaledStep():
                self.arrays += [_array("mean", step.mean), _array("scale", step.scale)]
                forward = _loop(after, f"{h}[i] = ({x}[i] - mean[i]) / scale[i];")
                return _Block(forward, _loop(after, f"{dx}[i] = {d}[i] / scale[i];"))
            case UnscaledStep():
                self.arrays += [_array("target_mean", step.mean), _array("target_scale", step.scale)]
                forward = _loop(after, f"{h}[i] = {x}[i] * target_scale[i] + target_mean[i];")
                return _Block(forward, _loop(after, f"{dx}[i] = {d}[i] * target_scale[i];"))
            case AffineStep():
                return self.affine(step, number, x)
            case SoftmaxStep():
                return _Block(_softmax(x, h, after), _softmax_backward(h, d, dx, after))
            case HardmaxStep():
                forward = [
                    f"int top{number} = 0;",
                    *_loop(after, f"if ({x}[i] > {x}[top{number}]) top{number} = i;"),
                    *_loop(after, f"{h}[i] = i == top{number};"),
                ]
                return _Block(forward, [], cuts=True)
            case ElementwiseStep():
                flows = _Straight(step.graph, {}, self.needed).reaches_inputs
                value, slope = self.of_elementwise(step, flows)
                forward = _loop(after, f"{h}[i] = {value.format(f'{x}[i]')};")
                backward = f"{dx}[i] = {d}[i] * {slope.format(f'{x}[i]', f'{h}[i]')};"
                return _Block(forward, _loop(after, backward) if flows else [], not flows)
        return self.of_graph(step, number, x)

    def affine(self, step: AffineStep, number: int, x: str) -> _Block:
        place = 1 + sum("double W" in text for text in self.arrays)
        weights, biases = f"W{place}", f"b{place}"
        self.arrays += [_array(weights, step.weights), _array(biases, step.biases)]
        n_out, n_in = step.weights.shape
        h, d, dx = f"h{number}", f"d{number}", f"d{number - 1}"
        forward = [
            f"for (int i = 0; i < {n_out}; i++) {{",
            f"    {h}[i] = {biases}[i];",
            *_indented(_loop(n_in, f"{h}[i] += {weights}[i][j] * {x}[j];", "j")),
            "}",
        ]
        backward = [
            f"for (int j = 0; j < {n_in}; j++) {{",
            f"    {dx}[j] = 0.0;",
            *_indented(_loop(n_out, f"{dx}[j] += {weights}[i][j] * {d}[i];")),
            "}",
        ]
        inner = [
            *self.added(step.bias_places, f"at_{biases}", f"{d}[i]"),
            *_indexed(n_in, self.added(step.weight_places, f"at_{weights}", f"{d}[i] * {x}[j]")),
        ]
        if inner:
            backward += ["if (dp != NULL)", f"    for (int i = 0; i < {n_out}; i++) {{"]
            backward += [*_indented(_indented(inner)), "    }"]
        return _Block(forward, backward)

    def added(self, places: Places, name: str, adjoint: str) -> list[str]:
        """Return how to add to the derivatives by parameters: at a formula of i and j, or else by a table."""
        if (places < 0).all():
            return []
        formula = _formula(places)
        if formula is not None:
            return [f"dp[{formula}] += {adjoint};"]
        shape = "".join(f"[{length}]" for length in places.shape)
        rows = str(places.tolist())[1:-1].replace("[", "{").replace("]", "}")
        self.arrays.append("\n".join([f"static const int {name}{shape} =", *_broken(f"    {{{rows}}};"), ""]))
        at = f"{name}[i]" if places.ndim == 1 else f"{name}[i][j]"
        return [f"if ({at} >= 0)", f"    dp[{at}] += {adjoint};"]

    def of_elementwise(self, step: ElementwiseStep, flows: bool) -> tuple[str, str]:
        """Return how to call a function of one number and its derivative, as templates."""
        key, graph = id(step.function), step.graph
        if key in self.elementwise:
            return self.elementwise[key]
        name = self.unused_name(called(step.function, "activation"))
        if len(graph.nodes) == 1 and graph.nodes[0].args == graph.inputs and graph.outputs == graph.nodes:
            op = op_of(graph.nodes[0])
            value = _C.applied(op.name, [Written("{0}")], self.needed).text
            slope = _C.rule(op.partials[0], {"x": Written("x"), "out": Written("out")}, self.needed).text
            body = [*_unused(slope, "x", "out"), f"return {slope};"]
            signature, call = f"static double {op.name}_slope(double x, double out)", "({0}, {1})"
            if flows:
                self.functions[f"{op.name}_slope"] = _definition(signature, body)
            self.elementwise[key] = (value, f"{op.name}_slope{call}")
        else:
            self.functions[name] = _of_one(name, graph, self.needed)
            if flows:
                self.functions[f"{name}_slope"] = _slope_of_one(f"{name}_slope", graph, self.needed)
            self.elementwise[key] = (f"{name}({{0}})", f"{name}_slope({{0}})")
        return self.elementwise[key]

    def unused_name(self, name: str) -> str:
        return unique(name, {self.name, *self.functions, *OPS, *_KEYWORDS})

    def of_graph(self, step: GraphStep, number: int, x: str) -> _Block:
        name = self.unused_name(called(step.function, "step"))
        scope = _Straight(step.graph, step.places, self.needed)
        lines = scope.forward()
        value = [*lines, *(f"y[{k}] = {scope.term(o).text};" for k, o in enumerate(step.graph.outputs))]
        signature = f"static void {name}(const double *x, double *y)"
        kept = _needed_lines(value)
        self.functions[name] = _definition(signature, [*_unused(" ".join(kept), "x"), *kept])
        count = len(step.graph.inputs)
        gradient = [
            *lines,
            *_loop(count, "dx[i] = 0.0;"),
            *scope.backward([f"seed[{k}]" for k in range(len(step.graph.outputs))], "dx"),
        ]
        signature = (
            f"static void {name}_gradient(const double *x, const double *seed, double *dx, double *dp)"
        )
        kept = _needed_lines(gradient)
        unused = _unused(" ".join(kept), "x", "seed", "dp")
        self.functions[f"{name}_gradient"] = _definition(signature, [*unused, *kept])
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


class _Straight:
    """A graph as straight lines of C, forward and backward."""

    def __init__(self, graph: RecordedGraph, places: Mapping[int, int], needed: dict[str, Op]) -> None:
        self.graph = graph
        self.places = places
        self.needed = needed
        self.inputs = {id(leaf): position for position, leaf in enumerate(graph.inputs)}
        self.names = {id(node): f"v{number}" for number, node in enumerate(graph.nodes, 1)}
        self.active: set[int] = {*self.inputs, *places}
        for node in graph.nodes:
            if any(self.flows(node, argument, operand) for argument, operand in _operands(node)):
                self.active.add(id(node))
        from_inputs = set(self.inputs)
        for node in graph.nodes:
            flowing = [
                operand for argument, operand in _operands(node) if self.flows(node, argument, operand)
            ]
            if from_inputs & set(map(id, flowing)):
                from_inputs.add(id(node))
        self.reaches_inputs = not from_inputs.isdisjoint(map(id, graph.outputs))

    def flows(self, node: Value, argument: int, operand: Any) -> bool:
        """Return whether a derivative flows from a node to one of its operands."""
        return id(operand) in self.active and not op_of(node).selects(argument)

    def term(self, operand: Any) -> Written:
        if id(operand) in self.names:
            return Written(self.names[id(operand)])
        if id(operand) in self.inputs:
            return Written(f"x[{self.inputs[id(operand)]}]")
        return _C.number(float(getattr(operand, "data", operand)))

    def forward(self) -> list[str]:
        nodes = self.graph.nodes
        return [f"const double {self.names[id(node)]} = {self.value(node).text};" for node in nodes]

    def value(self, node: Value) -> Written:
        op, terms = op_of(node), [self.term(operand) for operand in node.args]
        return _variadic(op, terms) if op.variadic else _C.applied(op.name, terms, self.needed)

    def backward(self, seeds: Sequence[str], into: str) -> list[str]:
        """Return the sweep; adjoints of inputs are added to the elements of an array."""
        nodes = [node for node in self.graph.nodes if id(node) in self.active]
        lines = [f"double a{self.names[id(node)]} = 0.0;" for node in nodes]
        for seed, output in zip(seeds, self.graph.outputs, strict=True):
            if id(output) in self.active:
                lines += self.added(output, seed, into)
        for node in reversed(nodes):
            for position, (argument, operand) in enumerate(_operands(node)):
                if self.flows(node, argument, operand):
                    partial = self.partial(node, argument, position)
                    lines += self.added(operand, _times(f"a{self.names[id(node)]}", partial), into)
        return lines

    def added(self, operand: Any, adjoint: str, into: str) -> list[str]:
        if id(operand) in self.names:
            return [f"a{self.names[id(operand)]} += {adjoint};"]
        if id(operand) in self.inputs:
            return [f"{into}[{self.inputs[id(operand)]}] += {adjoint};"]
        return ["if (dp != NULL)", f"    dp[{self.places[id(operand)]}] += {adjoint};"]

    def partial(self, node: Value, argument: int, position: int) -> Written:
        op, terms = op_of(node), [self.term(operand) for operand in node.args]
        out = Written(self.names[id(node)])
        if op.variadic:
            return _variadic_partial(op, terms, position, out)
        named = {**dict(zip(op.parameters, terms, strict=True)), "out": out}
        return _C.rule(op.partials[argument], named, self.needed)


def _operands(node: Value) -> Iterator[tuple[int, Any]]:
    """Yield the operands of a node, each with the argument of the row that it belongs to."""
    for argument, column in enumerate(op_of(node).columns(node.args)):
        for operand in column:
            yield argument, operand


def _times(adjoint: str, partial: Written) -> str:
    if partial.text in ("1.0", "-1.0"):
        return partial.text.removesuffix("1.0") + adjoint
    return f"{adjoint} * {partial.text if partial.tightness >= SIGN else f'({partial.text})'}"


def _joined(sign: str, terms: Sequence[str], tightness: int) -> Written:
    return Written(f" {sign} ".join(terms), tightness) if len(terms) > 1 else Written(terms[0])


def _grouped(term: Written, need: int) -> str:
    return term.text if term.tightness >= need else f"({term.text})"


def _list(terms: Sequence[Written]) -> str:
    return f"(const double[]){{{', '.join(term.text for term in terms)}}}, {len(terms)}"


def _variadic(op: Op, terms: Sequence[Written]) -> Written:
    """Return a row of many operands, which stand one after another."""
    factors = [_grouped(term, SIGN) for term in terms]
    match op.name:
        case "sum":
            return _joined("+", factors, SUM)
        case "mean":
            return Written(f"({_joined('+', factors, SUM).text}) / {len(terms)}.0", PRODUCT)
        case "prod":
            return _joined("*", factors, PRODUCT)
        case "dot":
            half = len(terms) // 2
            pairs = zip(factors[:half], factors[half:], strict=True)
            return _joined("+", [f"{one} * {other}" for one, other in pairs], SUM)
        case "norm":
            whole = terms[0].text
            for term in terms[1:]:
                whole = f"hypot({whole}, {term.text})"
            return Written(f"fabs({whole})" if len(terms) == 1 else whole)
        case "logsumexp":
            return Written(f"logsumexp({_list(terms)})")
    raise TypeError(f"the operation {op.name} cannot be exported to C: write it with others")


def _variadic_partial(op: Op, terms: Sequence[Written], position: int, out: Written) -> Written:
    """Return the partial derivative of such a row by one of its operands."""
    factors = [_grouped(term, SIGN) for term in terms]
    match op.name:
        case "sum":
            return Written("1.0")
        case "mean":
            return Written(f"(1.0 / {len(terms)}.0)")
        case "prod":
            others = [*factors[:position], *factors[position + 1 :]]
            return _joined("*", others, PRODUCT) if others else Written("1.0")
        case "dot":
            half = len(terms) // 2
            return terms[(position + half) % len(terms)]
        case "norm":
            return Written(f"({factors[position]} / ({out.text} == 0.0 ? INFINITY : {out.text}))")
    # The rounding of out is a factor of all elements, and their sum takes it away.
    powers = [f"exp({factor} - {out.text})" for factor in factors]
    return Written(f"({powers[position]} / ({' + '.join(powers)}))")


def _of_one(name: str, graph: RecordedGraph, needed: dict[str, Op]) -> str:
    scope = _Straight(graph, {}, needed)
    lines = [*scope.forward(), f"return {scope.term(graph.outputs[0]).text};"]
    return _of_number(name, [line.replace("x[0]", "x") for line in lines])


def _slope_of_one(name: str, graph: RecordedGraph, needed: dict[str, Op]) -> str:
    scope = _Straight(graph, {}, needed)
    lines = [*scope.forward(), "double slope = 0.0;", *scope.backward(["1.0"], "dx"), "return slope;"]
    return _of_number(name, [line.replace("dx[0]", "slope").replace("x[0]", "x") for line in lines])


def _of_number(name: str, lines: Sequence[str]) -> str:
    kept = _needed_lines(lines)
    return _definition(f"static double {name}(double x)", [*_unused(" ".join(kept), "x"), *kept])


def _needed_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines without constants that are not used, of which compilers warn."""
    kept: list[str] = []
    used: set[str] = set()
    for line in reversed(lines):
        match = re.match(r"const double (v\d+) = ", line)
        if match is None or match[1] in used:
            kept.append(line)
            used.update(re.findall(r"\bv\d+\b", line[match.end() :] if match else line))
    return kept[::-1]


def _mentions(lines: Sequence[str], name: str) -> bool:
    return any(re.search(rf"\b{name}\b", line) for line in lines)


def _unused(text: str, *names: str) -> list[str]:
    return [f"(void){name};" for name in names if not re.search(rf"\b{name}\b", text)]


def _row_function(op: Op, needed: dict[str, Op]) -> str:
    body = _C.rule(op.value, {name: Written(name) for name in op.parameters}, needed).text
    arguments = ", ".join(f"double {name}" for name in op.parameters)
    return f"/* {op.doc} */\n" + _definition(f"static double {op.name}({arguments})", [f"return {body};"])


def _softmax(x: str, h: str, count: int) -> list[str]:
    return [
        "{",
        f"    double top = {x}[0], total = 0.0;",
        *_indented(_loop(count, f"top = {x}[i] > top || {x}[i] != {x}[i] ? {x}[i] : top;")),
        *_indented(_loop(count, f"total += {h}[i] = exp({x}[i] - top);")),
        *_indented(_loop(count, f"{h}[i] /= total;")),
        "}",
    ]


def _softmax_backward(h: str, d: str, dx: str, count: int) -> list[str]:
    return [
        "{",
        "    double mean = 0.0;",
        *_indented(_loop(count, f"mean += {h}[i] * {d}[i];")),
        *_indented(_loop(count, f"{dx}[i] = {h}[i] * ({d}[i] - mean);")),
        "}",
    ]


def _loop(count: int, statement: str, index: str = "i") -> list[str]:
    return [f"for (int {index} = 0; {index} < {count}; {index}++)", f"    {statement}"]


def _indexed(count: int, lines: Sequence[str]) -> list[str]:
    return [f"for (int j = 0; j < {count}; j++)", *_indented(lines)] if lines else []


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _definition(signature: str, lines: Sequence[str]) -> str:
    body = [part for line in lines for part in _broken(f"    {line}")]
    return "\n".join([signature, "{", *body, "}", ""])


def _broken(line: str) -> list[str]:
    """Return a line as several where it is long; a statement of C may be broken at any blank."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.lstrip(),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _array(name: str, array: npt.NDArray[np.float64]) -> str:
    """Return the definition of an array, whose numbers are read as exactly the same."""
    shape = "".join(f"[{length}]" for length in array.shape)
    rows = [", ".join(_C.number(number).text for number in row) for row in np.atleast_2d(array).tolist()]
    lines = []
    for row in rows:
        text = f"{{{row}}}," if array.ndim == 2 else row
        lines += textwrap.wrap(
            text, _WIDTH, initial_indent="    ", subsequent_indent="     ", break_on_hyphens=False
        )
    return "\n".join([f"static const double {name}{shape} = {{", *lines, "};", ""])
