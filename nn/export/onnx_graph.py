"""A model as ONNX, which most runtimes and browsers read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autograd import OPS, Op, Value
from autograd.files import write_whole

from ..modules.module import Module
from .plans import (
    AffineStep,
    ElementwiseStep,
    EmbeddingStep,
    ExportPlan,
    HardmaxStep,
    ScaledStep,
    SoftmaxStep,
    Step,
    UnscaledStep,
    planned,
)
from .recording import RecordedGraph, op_of

# The oldest with all that is used here: runtimes of 2022 read it.
_OPSET, _IR_VERSION = 17, 8

_OPERATORS: Mapping[str, str] = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "truediv": "Div",
    "neg": "Neg",
    "pos": "Identity",
    "pow": "Pow",
    **{name: name.capitalize() for name in ("abs", "exp", "log", "sqrt", "floor", "erf", "sigmoid", "relu")},
    **{name: name.capitalize() for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"arc{name}": f"A{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
"""The operators that mean what a row does."""

_COMPARISONS: Mapping[str, str] = {
    "lt": "Less",
    "le": "LessOrEqual",
    "gt": "Greater",
    "ge": "GreaterOrEqual",
    "eq": "Equal",
    "ne": "Equal",
}


def to_onnx(
    model: Module,
    path: str | os.PathLike[str] | None = None,
    preprocessing: Any = None,
    *,
    dtype: Literal["float32", "float64"] = "float32",
    n_in: int | None = None,
) -> Any:
    """Return a model as ONNX, with the input ``x`` of shape (samples, inputs) and the output ``y``.

    Parameters
    ----------
    model : Module
        The model, as it computes in evaluation.
    path : path-like, optional
        Where to write the file, such as ``"model.onnx"``.
    preprocessing : nn.datasets.Preprocessing or Standardizer, optional
        What the features go through first; of a regression, the outputs are in the unit of its targets.
    dtype : {"float32", "float64"}
        The type of numbers of parameters, inputs and outputs. Many runtimes have no operators for the second.
    n_in : int, optional
        The number of inputs, where the first module does not say it.

    Returns
    -------
    onnx.ModelProto
        The model, checked by ``onnx.checker``.

    Raises
    ------
    ModuleNotFoundError
        Without the package ``onnx``.
    TypeError
        For a model that does more than operations that ONNX has; the error names the module.
    ValueError
        If the number of inputs is not known, or for another dtype.
    OSError
        If the file cannot be written. An older file is not changed then.

    Examples
    --------
    >>> from nn import MLP
    >>> graph = to_onnx(MLP(2, [16, 1], "relu")).graph  # doctest: +SKIP
    >>> [node.op_type for node in graph.node]  # doctest: +SKIP
    ['Gemm', 'Relu', 'Gemm']
    """
    if find_spec("onnx") is None:
        raise ModuleNotFoundError("nn.export.to_onnx needs onnx: pip install 'chainrule[export]'")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"expected dtype to be 'float32' or 'float64', got {dtype!r}")
    import onnx

    with planned(model, preprocessing, n_in) as plan:
        proto = _Building(plan, onnx, np.dtype(dtype)).model()
    onnx.checker.check_model(proto)
    if path is not None:
        write_whole(Path(path), proto.SerializeToString())
    return proto


class _Building:
    """A graph of ONNX in the making."""

    def __init__(self, plan: ExportPlan, onnx: Any, dtype: np.dtype[Any]) -> None:
        self.plan = plan
        self.onnx = onnx
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        self.truths: set[str] = set()

    def model(self) -> Any:
        helper, plan = self.onnx.helper, self.plan
        tensor = "x"
        for step, width in plan.steps:
            tensor = self.step(step, tensor, width)
        self.nodes.append(helper.make_node("Identity", [tensor], ["y"]))
        if len(self.nodes) > 1 and self.nodes[-2].output[0] == tensor:
            # The last step gives the output itself.
            self.nodes.pop()
            self.nodes[-1].output[0] = "y"
        kind = helper.np_dtype_to_tensor_dtype(self.dtype)
        graph = helper.make_graph(
            self.nodes,
            plan.title,
            [helper.make_tensor_value_info("x", kind, ["samples", plan.n_in])],
            [helper.make_tensor_value_info("y", kind, ["samples", plan.n_out])],
            [self.onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items()],
        )
        opsets = [helper.make_opsetid("", _OPSET)]
        graph.doc_string = plan.remarks
        versions = {"opset_imports": opsets, "ir_version": _IR_VERSION}
        return helper.make_model(graph, producer_name="chainrule", **versions)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = f"h{len(self.nodes) + 1}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def array(self, name: str, array: Any) -> str:
        """Add an array under a name of its own."""
        numbers = np.asarray(array, self.dtype)
        self.arrays[name] = numbers
        return name

    def step(self, step: Step, x: str, width: int) -> str:
        match step:
            case ScaledStep():
                shifted = self.node("Sub", x, self.array("mean", step.mean))
                return self.node("Div", shifted, self.array("scale", step.scale))
            case UnscaledStep():
                spread = self.node("Mul", x, self.array("target_scale", step.scale))
                return self.node("Add", spread, self.array("target_mean", step.mean))
            case AffineStep():
                number = 1 + sum(name.startswith("W") for name in self.arrays)
                self.arrays[f"W{number}"] = step.weights.astype(self.dtype)
                self.arrays[f"b{number}"] = step.biases.astype(self.dtype)
                return self.node("Gemm", x, f"W{number}", f"b{number}", transB=1)
            case EmbeddingStep():
                number = 1 + sum(name.startswith("E") for name in self.arrays)
                self.arrays[f"E{number}"] = step.table.astype(self.dtype)
                tokens = self.node("Cast", x, to=self.onnx.TensorProto.INT64)
                rows = self.node("Gather", f"E{number}", tokens, axis=0)
                # A length of 0 stands for the samples, as many as there are.
                return self.node("Reshape", rows, self.integers([0, width]))
            case SoftmaxStep():
                return self.node("Softmax", x, axis=-1)
            case HardmaxStep():
                return self.node("Hardmax", x, axis=-1)
            case ElementwiseStep():
                return self.spread(self.graph(step.graph, [x])[0], x)
        # A column for each number, as nodes of a graph are.
        starts = [self.integers([position]) for position in range(len(step.graph.inputs) + 1)]
        one = self.integers([1])
        columns = [self.node("Slice", x, start, end, one) for start, end in pairwise(starts)]
        outputs = [self.spread(name, columns[0]) for name in self.graph(step.graph, columns)]
        return self.node("Concat", *outputs, axis=1)

    def integers(self, numbers: Sequence[int]) -> str:
        name = "at_" + "_".join(map(str, numbers))
        self.arrays[name] = np.array(numbers, np.int64)
        return name

    def spread(self, tensor: str, like: str) -> str:
        """Return an output, in the shape of another tensor where it is a constant."""
        return self.node("Expand", tensor, self.node("Shape", like)) if tensor in self.arrays else tensor

    def graph(self, graph: RecordedGraph, inputs: Sequence[str]) -> list[str]:
        """Return the names of the outputs of a recorded function."""
        names = {id(leaf): name for leaf, name in zip(graph.inputs, inputs, strict=True)}

        def name_of(operand: Any) -> str:
            if id(operand) in names:
                return names[id(operand)]
            return self.number(float(operand.data if isinstance(operand, Value) else operand))

        for node in graph.nodes:
            op, operands = op_of(node), [name_of(operand) for operand in node.args]
            names[id(node)] = (
                self.variadic(op, operands) if op.variadic else self.apply(op.name, tuple(operands))
            )
        return [self.as_number(name_of(output)) for output in graph.outputs]

    def number(self, number: float) -> str:
        return self.array(f"c_{number!r}", number)

    def apply(self, word: str, operands: tuple[str, ...]) -> str:
        """Return a word of the rules on tensors, by its rule where ONNX has no operator for it."""
        if word in _COMPARISONS:
            compared = self.node(_COMPARISONS[word], *map(self.as_number, operands))
            found = self.node("Not", compared) if word == "ne" else compared
            self.truths.add(found)
            return found
        if word in ("where", "shortcut"):
            condition, x, y = operands
            return self.node("Where", self.as_truth(condition), self.as_number(x), self.as_number(y))
        numbers = tuple(map(self.as_number, operands))
        if word in _OPERATORS:
            return self.node(_OPERATORS[word], *numbers)
        if word in _WRITTEN_OUT:
            return str(_WRITTEN_OUT[word](self, *numbers))
        op = OPS[word]
        if op.is_primitive:
            raise TypeError(f"the operation {word} cannot be exported to ONNX: write it with others")
        named = dict(zip(op.parameters, numbers, strict=True))
        written: str = op.value.on(_RuleAsNodes(self, named))
        return written

    def as_truth(self, tensor: str) -> str:
        return tensor if tensor in self.truths else self.node("Cast", tensor, to=self.onnx.TensorProto.BOOL)

    def as_number(self, tensor: str) -> str:
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        return self.node("Cast", tensor, to=kind) if tensor in self.truths else tensor

    def variadic(self, op: Op, operands: Sequence[str]) -> str:
        numbers = list(map(self.as_number, operands))
        match op.name:
            case "sum":
                return self.total(numbers)
            case "mean":
                return self.node("Div", self.total(numbers), self.number(float(len(numbers))))
            case "dot":
                half = len(numbers) // 2
                pairs = zip(numbers[:half], numbers[half:], strict=True)
                return self.total([self.node("Mul", one, other) for one, other in pairs])
            case "norm":
                return self.norm(numbers)
            case "prod":
                product = numbers[0]
                for number in numbers[1:]:
                    product = self.node("Mul", product, number)
                return product
            case "logsumexp":
                column = next(name for name in numbers if name not in self.arrays)
                joined = self.node("Concat", *(self.spread(name, column) for name in numbers), axis=1)
                return self.node("ReduceLogSumExp", joined, axes=[1], keepdims=1)
        raise TypeError(f"the operation {op.name} cannot be exported to ONNX: write it with others")

    def norm(self, numbers: Sequence[str]) -> str:
        """Return a Euclidean norm, scaled by the largest number, whose square may overflow."""
        top = self.node("Max", *(self.node("Abs", number) for number in numbers))
        divisor = self.apply("where", (self.apply("eq", (top, self.number(0.0))), self.number(1.0), top))
        scaled = [self.node("Div", number, divisor) for number in numbers]
        squares = self.total([self.node("Mul", number, number) for number in scaled])
        infinite = self.apply("eq", (top, self.number(np.inf)))
        return self.apply("where", (infinite, top, self.node("Mul", top, self.node("Sqrt", squares))))

    def total(self, numbers: Sequence[str]) -> str:
        """Return a sum, by two, since an operator for many adds up in an order of its own."""
        total = numbers[0]
        for number in numbers[1:]:
            total = self.node("Add", total, number)
        return total


class _RuleAsNodes:
    """A rule becoming nodes: what `Rule.on` asks for."""

    def __init__(self, building: _Building, names: Mapping[str, str]) -> None:
        self.building = building
        self.names = names

    def name(self, name: str) -> str:
        return self.names[name]

    def number(self, number: float) -> str:
        return self.building.number(number)

    def apply(self, word: str, operands: tuple[str, ...]) -> str:
        return self.building.apply(word, operands)


_WRITTEN_OUT: Mapping[str, Any] = {
    "log1p": lambda b, x: b.node("Log", b.node("Add", b.number(1.0), x)),
    "expm1": lambda b, x: b.node("Sub", b.node("Exp", x), b.number(1.0)),
    "log2": lambda b, x: b.node("Mul", b.node("Log", x), b.number(1.0 / np.log(2.0))),
    "log10": lambda b, x: b.node("Mul", b.node("Log", x), b.number(1.0 / np.log(10.0))),
    "exp2": lambda b, x: b.node("Pow", b.number(2.0), x),
    "cbrt": lambda b, x: b.node("Mul", b.node("Sign", x), b.node("Pow", b.node("Abs", x), b.number(1 / 3))),
    "erfc": lambda b, x: b.node("Sub", b.number(1.0), b.node("Erf", x)),
    "hypot": lambda b, x, y: b.norm([x, y]),
}
"""What ONNX has no operator for, to the accuracy of 32 bits."""
