"""A model as the source of a module that needs NumPy alone."""

from __future__ import annotations

import base64
import os
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import OPS, Op, Value, jit, vmap
from autograd.files import write_whole
from autograd.quiet import quiet

from ..modules.module import Module, as_outputs
from .expressions import ATOM, CHOICE, POWER, SIGN, SIGNS, Language, WordForm, Written
from .naming import called, unique
from .plans import (
    AffineStep,
    ElementwiseStep,
    EmbeddingStep,
    ExportPlan,
    GraphStep,
    HardmaxStep,
    ScaledStep,
    SoftmaxStep,
    UnscaledStep,
    planned,
)
from .recording import RecordedGraph, op_of

_WIDTH = 110

# 2,000 numbers are 40 kB of text, about as much as an editor shows without a delay.
_MOST_LITERALS = 2_000

_WORDS = {
    **SIGNS,
    "floordiv": WordForm("np.floor_divide({}, {})"),
    "mod": WordForm("np.remainder({}, {})"),
    "pow": WordForm("{}**{}", POWER, (ATOM, SIGN)),
    "where": WordForm("np.where({}, {}, {})"),
    "shortcut": WordForm("{2}", CHOICE, (CHOICE, CHOICE, CHOICE)),
    "relu": WordForm("np.maximum({}, 0.0)"),
    "erf": WordForm("erf({})"),
    "erfc": WordForm("erfc({})"),
    **{
        op.name: WordForm(f"np.{op.ufunc.__name__}({', '.join(['{}'] * len(op.partials))})")
        for op in OPS.values()
        if op.ufunc is not None and not op.symbol and not op.variadic
    },
}

_NUMPY = Language(_WORDS, "np.inf")

_SOFTMAX = '''\
def softmax(x):
    """Return exponentials divided by their sum, along the last axis; nothing overflows."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
'''

_HARDMAX = '''\
def hardmax(x):
    """Return 1 for the largest number, the first of equal ones, and 0 for the others, along the last axis."""
    return np.eye(x.shape[-1])[x.argmax(axis=-1)]
'''

_SPECIAL = {name: f"{name} = np.vectorize(math.{name}, otypes=[float])\n" for name in ("erf", "erfc")}
"""What the standard library has for single numbers, and NumPy has not."""

_UNPACKED = '''\
def unpacked(text, *shape):
    """Return an array of the given shape from its bytes, as base64."""
    return np.frombuffer(base64.b64decode(text), "<f8").reshape(shape)
'''


def to_numpy(
    model: Module,
    path: str | os.PathLike[str] | None = None,
    preprocessing: Any = None,
    *,
    n_in: int | None = None,
) -> str:
    """Return a model as the source of a Python module that needs NumPy alone.

    The module defines ``predict(x)`` for a sample, an array of shape (inputs,), and for a batch of shape
    (samples, inputs); its result has the outputs along the last axis. Parameters stand below it: up to 2,000
    numbers as literals, large arrays as base64. Modules of your own and functions are written as `jit`
    compiles them.

    Parameters
    ----------
    model : Module
        The model, as it computes in evaluation.
    path : path-like, optional
        Where to write the module, such as ``"model.py"``.
    preprocessing : nn.datasets.Preprocessing or Standardizer, optional
        What the features go through first; of a regression, the outputs are in the unit of its targets.
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
        If the number of inputs is not known.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> from nn import Layer
    >>> model = Layer(2, 1, "tanh", rng=0)
    >>> model.load_state_dict({"neurons.0.w[0]": 0.5, "neurons.0.w[1]": -1.0, "neurons.0.b": 0.25})
    >>> print(to_numpy(model).replace('"' * 3, "'" * 3))
    '''Layer 2-1, exported by chainrule: `predict` needs NumPy alone.'''
    <BLANKLINE>
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def predict(x):
        '''Return the 1 output for a sample of 2 numbers, or for each row of a batch.'''
        x = np.asarray(x, dtype=float)
        return np.tanh(x @ W1.T + b1)
    <BLANKLINE>
    <BLANKLINE>
    W1 = np.array([[0.5, -1.0]])
    b1 = np.array([0.25])
    <BLANKLINE>
    """
    with planned(model, preprocessing, n_in) as plan:
        source = _Module(plan).source()
    if path is not None:
        write_whole(Path(path), source.encode())
    return source


class _Module:
    """The source of a module in the making."""

    def __init__(self, plan: ExportPlan) -> None:
        self.plan = plan
        self.needed: dict[str, Op] = {}
        self.functions: dict[str, str] = {}
        self.called: dict[str, str] = {}
        self.arrays: dict[str, npt.NDArray[np.float64]] = {}

    def source(self) -> str:
        statements = list(self.statements())
        data = [array_text(name, array) for name, array in self.arrays.items()]
        packed = any("unpacked(" in text for text in data)
        rows = [_row_function(op, self.needed) for op in list(self.needed.values())]
        text = "\n".join([*rows, *self.functions.values(), *statements])
        special = [line for name, line in _SPECIAL.items() if re.search(rf"\b{name}\(", text)]
        functions = [*special, *rows, *self.functions.values(), *([_UNPACKED] if packed else [])]
        imports = [
            *(["import base64"] if packed else []),
            *(["import math"] if special else []),
            *([""] if packed or special else []),
            "import numpy as np",
        ]
        plural = "s" if self.plan.n_out > 1 else ""
        predict = [
            "def predict(x):",
            f'    """Return the {self.plan.n_out} output{plural} for a sample of {self.plan.n_in} numbers, '
            f'or for each row of a batch."""',
            "    x = np.asarray(x, dtype=float)",
            *(f"    {statement}" for statement in statements),
        ]
        title = f'"""{self.plan.title}, exported by chainrule: `predict` needs NumPy alone."""'
        if self.plan.remarks:
            title = f'{title[:-3]}\n\n{self.plan.remarks}\n"""'
        blocks = ["\n".join(predict) + "\n", "\n".join(data)] if data else ["\n".join(predict)]
        return "\n\n".join([f"{title}\n\n" + "\n".join(imports) + "\n", *functions, *blocks]).rstrip() + "\n"

    def statements(self) -> Iterator[str]:
        """Yield the statements of `predict`: one for each layer, with its activation."""
        has_graph = any(isinstance(step, GraphStep) for step, _ in self.plan.steps)
        if has_graph:
            yield "samples = np.atleast_2d(x)"
        name = "samples" if has_graph else "x"
        expression = Written(name)
        pending = False
        for step, width in self.plan.steps:
            if pending and isinstance(
                step, EmbeddingStep | AffineStep | ScaledStep | UnscaledStep | GraphStep
            ):
                name = "h"
                yield f"h = {expression.text}"
                expression = Written("h")
            expression = self.applied(step, expression, width)
            pending = True
        if has_graph:
            yield f"return ({expression.text}).reshape(*x.shape[:-1], {self.plan.n_out})"
        else:
            yield f"return {expression.text}"

    def applied(self, step: Any, x: Written, width: int) -> Written:
        """Return a step as an expression of what it is given."""
        match step:
            case ScaledStep():
                self.arrays.update(mean=step.mean, scale=step.scale)
                return Written(f"({x.text} - mean) / scale", CHOICE)
            case UnscaledStep():
                self.arrays.update(target_mean=step.mean, target_scale=step.scale)
                return Written(f"{x.text} * target_scale + target_mean", CHOICE)
            case AffineStep():
                number = 1 + sum(name.startswith("W") for name in self.arrays)
                self.arrays[f"W{number}"] = step.weights
                product = f"{x.text} @ W{number}.T"
                if step.biases.any() or np.isnan(step.biases).any():
                    self.arrays[f"b{number}"] = step.biases
                    product += f" + b{number}"
                return Written(product, CHOICE)
            case EmbeddingStep():
                number = 1 + sum(name.startswith("E") for name in self.arrays)
                self.arrays[f"E{number}"] = step.table
                return Written(f"E{number}[{x.text}.astype(int)].reshape(*{x.text}.shape[:-1], {width})")
            case SoftmaxStep():
                self.functions["softmax"] = _SOFTMAX
                return Written(f"softmax({x.text})")
            case HardmaxStep():
                self.functions["hardmax"] = _HARDMAX
                return Written(f"hardmax({x.text})")
            case ElementwiseStep():
                return self.elementwise(step, x)
        return self.compiled(step, x)

    def elementwise(self, step: ElementwiseStep, x: Written) -> Written:
        nodes = step.graph.nodes
        if len(nodes) == 1 and nodes[0].args == step.graph.inputs and nodes[0] is step.graph.outputs[0]:
            return _NUMPY.applied(op_of(nodes[0]).name, [x], self.needed)
        # Two modules may be the same function, which is defined once.
        body = _function("", step.graph, self.needed)
        if body not in self.called:
            name = unique(called(step.function, "activation"), {*self.functions, *self.needed})
            self.called[body] = name
            self.functions[name] = body.replace("def ", f"def {name}", 1)
        return Written(f"{self.called[body]}({x.text})")

    def compiled(self, step: GraphStep, x: Written) -> Written:
        """Return a step that `jit` writes: its program, with its constants, as a function of a batch."""
        name = unique(called(step.function, "step"), {*self.functions, *self.needed})
        program = jit(lambda batch: np.stack(vmap(_outputs_of(step))(batch), axis=1), backend="numpy")
        with quiet():
            program(np.full((2, len(step.graph.inputs)), 0.5))
        body = program.source.replace("import numpy as np\n", "").strip()
        text = textwrap.indent(f"{body}\n\n\nreturn program", "    ").replace("\n\n\n", "\n\n")
        self.functions[name] = f"def {name}():\n{text}\n\n\n{name} = {name}()\n"
        return Written(f"{name}({x.text})[0]")


def _outputs_of(step: GraphStep) -> Callable[[Any], list[Any]]:
    return lambda sample: as_outputs(step.function(list(sample)))


def _row_function(op: Op, needed: dict[str, Op]) -> str:
    body = _NUMPY.rule(op.value, {name: Written(name) for name in op.parameters}, needed).text
    return f'def {op.name}({", ".join(op.parameters)}):\n    """Return {op.doc}."""\n    return {body}\n'


def _function(name: str, graph: RecordedGraph, needed: dict[str, Op]) -> str:
    """Return the definition of a function of one number, in which what is used once has no name."""
    uses = Counter(id(operand) for node in graph.nodes for operand in node.args)
    terms = {id(graph.inputs[0]): Written("x")}
    lines: list[str] = []

    def term(operand: Any) -> Written:
        if id(operand) in terms:
            return terms[id(operand)]
        return _NUMPY.number(float(getattr(operand, "data", operand)))

    for node in graph.nodes:
        written = _NUMPY.applied(op_of(node).name, [term(operand) for operand in node.args], needed)
        if uses[id(node)] > 1:
            variable = f"v{len(lines) + 1}"
            lines.append(f"    {variable} = {written.text}")
            written = Written(variable)
        terms[id(node)] = written
    result = term(graph.outputs[0]).text
    if not isinstance(graph.outputs[0], Value):
        result = f"np.full_like(x, {result})"
    return "\n".join([f"def {name}(x):", *lines, f"    return {result}", ""])


def array_text(name: str, array: npt.NDArray[np.float64]) -> str:
    """Return the assignment of an array: a literal, or the unpacking of its bytes.

    Examples
    --------
    >>> print(array_text("W", np.array([[1.0, np.inf], [0.1, np.nan]])))
    W = np.array([[1.0, np.inf], [0.1, np.nan]])
    """
    if array.size > _MOST_LITERALS:
        text = base64.b64encode(array.astype("<f8").tobytes()).decode()
        lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(text, _WIDTH - 6))
        return f"{name} = unpacked(\n{lines},\n    {', '.join(map(str, array.shape))},\n)"
    whole = f"{name} = np.array({_literal(array.tolist())})"
    if len(whole) <= _WIDTH:
        return whole
    if array.ndim == 1:
        return f"{name} = np.array([\n{_wrapped(array.tolist(), 4)}\n])"
    rows = [_row(row) for row in array.tolist()]
    return f"{name} = np.array([\n" + "\n".join(rows) + "\n])"


def _row(row: Sequence[float]) -> str:
    line = f"    {_literal(row)},"
    return line if len(line) <= _WIDTH else f"    [\n{_wrapped(row, 8)}\n    ],"


def _literal(numbers: Any) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_literal, numbers))}]"
    return repr(numbers).replace("nan", "np.nan").replace("inf", "np.inf")


def _wrapped(numbers: Sequence[float], indent: int) -> str:
    text = ", ".join(map(_literal, numbers)) + ","
    return textwrap.fill(
        text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False
    )
