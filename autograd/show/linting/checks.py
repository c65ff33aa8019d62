"""The checks of `autograd.lint`: functions that yield findings about the graph of a loss."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from ...engine.graph import operands
from ...engine.nonfinite import careful, describe
from ...engine.value import Value
from ...ops.table import Op
from ..text.formulas import TooLongError, count, digits, expression, formula
from .findings import Finding
from .network import Subject, layer_of, module_of

_FEW = 8
"""Below so many uses a neuron that is off says nothing: half of all ReLUs are off for one sample."""

# A neuron is saturated if its slope is below 1% of the steepest for 90% of the samples; an output is also
# stuck if adding 1 to its argument changes the loss by less than 2%.
_FLAT, _MOSTLY, _STUCK = 0.01, 0.9, 0.02

# Relative to the gradients of the outputs; MLPs that learned moons had ratios from 0.13 to 7.6.
_VANISHING, _EXPLODING = 1e-4, 1e4

# For any layer: a gradient of 1e6 times a learning rate of 0.01 throws weights of size 1 away.
_HUGE = 1e6

# Fewer repeated operations than 1% are not worth a finding.
_WORTH_SHARING = 0.01

# The largest number of terms of a node that is written out.
_TERMS_SHOWN, _OPERANDS_SHOWN = 20, 4


# -------------------------------------------------------------------------------------------- not finite


def _forward(subject: Subject) -> Iterator[Finding]:
    origins = list(_origins(subject))
    if not origins:
        return
    node, loss = origins[0], subject.loss.data
    outcome = "though the loss is finite" if math.isfinite(loss) else f"makes the loss {loss}"
    more = f"; {count(len(origins) - 1, 'other node')} likewise" if len(origins) > 1 else ""
    what = f"{_operation(node)} gives {node.data}" if node.op else f"a leaf is {node.data}"
    severity = "warning" if math.isfinite(loss) else "error"
    yield Finding(
        "non-finite", subject.place(node), severity, f"{what}, {outcome}{more}", _cure(node, subject)
    )


def _cure(node: Value, subject: Subject) -> str:
    if node in subject.parameter_set:
        return "begin again from finite parameters, with a lower learning rate"
    if node.op is None:
        return "look where it was assigned"
    line = "" if node.source else "; build it inside `with autograd.anomaly():` to see the line"
    return (
        "keep its operands where it is finite, by a clip or a lower learning rate, or take a stable form "
        f"such as logsumexp, softplus or log1p{line}"
    )


def _origins(subject: Subject) -> Iterator[Value]:
    """Yield the nodes where nan or inf arises, in order of evaluation; of a non-finite loss, the causes."""
    is_finite = math.isfinite(subject.loss)
    culprits = set() if is_finite else _culprits(subject)
    for node in subject.order:
        if not math.isfinite(node) and all(map(math.isfinite, operands(node))):
            is_fault = not _is_mask(node, subject) if is_finite else node in culprits
            if is_fault:
                yield node


def _is_mask(node: Value, subject: Subject) -> bool:
    """Return whether an inf is a constant, as in masks: if the loss is finite, that is no fault."""
    if node.op is None:
        return math.isinf(node) and node not in subject.parameter_set
    return any(not isinstance(arg, Value) and math.isinf(arg) for arg in node.args)


def _culprits(subject: Subject) -> set[Value]:
    """Return the non-finite nodes with a path to the loss through non-finite nodes alone."""
    found = {subject.loss}
    for node in reversed(subject.order):
        if node in found:
            bad = [operand for operand in operands(node) if not math.isfinite(operand)]
            # A nan operand explains a nan, whatever other operands are inf.
            nans = [operand for operand in bad if math.isnan(operand) and math.isnan(node)]
            found.update(nans or bad)
    return found


def _backward(subject: Subject) -> Iterator[Finding]:
    fault = next(_overflows(subject), None) if math.isfinite(subject.loss) else None
    if fault is not None:
        node, what, cure = fault
        reached = (subject.adjoints[node] for node in subject.parameter_set & subject.adjoints.keys())
        severity = "warning" if all(map(math.isfinite, reached)) else "error"
        yield Finding("non-finite", subject.place(node), severity, f"backward: {what}", cure)


def _overflows(subject: Subject) -> Iterator[tuple[Value, str, str]]:
    """Yield, in the order of the sweep, the nodes where a finite gradient becomes nan or inf, with advice."""
    smaller = "smaller numbers: a mean instead of a sum, targets and inputs of variance 1"
    elsewhere = (
        "keep the operands off such a point, as in sqrt(x + 1e-12); a where() around it is no help, since 0 "
        "times inf is nan, but one inside is: sqrt(where(x > 0, x, 1))"
    )
    for node, adjoint in subject.adjoints.items():
        if not math.isfinite(adjoint):
            yield node, f"what flows into {subject.names[node]} adds up to {adjoint}", smaller
        for operand, partial in zip(node.args, node.partials, strict=True):
            if isinstance(operand, Value) and partial is not None and not math.isfinite(adjoint * partial):
                factors = f"the gradient {digits(adjoint)} times the partial {digits(partial)}"
                result = f"for {subject.names[operand]} gives {adjoint * partial}"
                cure = smaller if math.isfinite(partial) else elsewhere
                yield node, f"in {_operation(node)} {factors} {result}", cure


# ------------------------------------------------------------------------------------------- activations


def _dead(subject: Subject) -> Iterator[Finding]:
    cure = (
        "lower the learning rate, begin with weights from `he` and small positive biases, or take "
        "leaky_relu, whose gradient is never 0"
    )
    for layer, neurons in subject.rectifiers.items():
        dead = [path for path, uses in neurons.items() if _is_dead(uses)]
        if dead:
            uses = [len(neurons[path]) for path in dead]
            severity = _severity(len(dead), len(neurons), min(uses), all_of_them="error")
            state = "0 on the only use" if max(uses) == 1 else f"0 on all {_range(uses)} uses"
            yield _of_neurons("dead relu", layer, list(neurons), dead, severity, state, cure)


def _is_dead(uses: Iterable[Value]) -> bool:
    return all(node.data == 0.0 for node in uses)


def _saturated(subject: Subject) -> Iterator[Finding]:
    cure = "smaller weights or inputs of mean 0 and variance 1, a lower learning rate, or relu"
    chosen = (node for node in subject.order if _is_bounded(node) and node not in subject.inner)
    for layer, neurons in subject.by_layer(chosen).items():
        flat = [path for path, uses in neurons.items() if _is_flat(uses)]
        uses = [node for path in flat for node in neurons[path]]
        is_output = not any(node in subject.hidden for node in uses)
        if not flat or (is_output and not _is_stuck(uses, subject)):
            continue
        severity = _severity(len(flat), len(neurons), min(len(neurons[path]) for path in flat))
        share = _share(map(_is_at_end, uses))
        state = f"flat (a derivative below {_FLAT:.0%} of the steepest) on {share} of uses"
        if is_output:
            # The output may be right after all, if other terms make up most of the loss.
            severity, advice = "note", "if its predictions are wrong, take cross entropy from the logits"
        else:
            advice = cure
        yield _of_neurons("saturated", layer, list(neurons), flat, severity, state, advice)


def _is_bounded(node: Value) -> bool:
    return isinstance(node.op, Op) and _steepest(node.op) > 0.0 and all(map(math.isfinite, node.args))


@cache
def _steepest(op: Op) -> float:
    """Return the slope at 0 of a row that levels off on both sides, at different heights; of any other 0."""
    if op.variadic or len(op.partials) > 1 or op.selects(0):
        return 0.0
    _, steepest = careful(op, 0.0)
    heights = []
    for side in (-1.0, 1.0):
        height, slope = careful(op, side * 1e3)
        far, _ = careful(op, side * 1e300)
        # A comparison with nan is false: a logarithm has no height on the left.
        if not (abs(slope) < _FLAT * abs(steepest) and abs(far - height) <= _FLAT * abs(height)):
            return 0.0
        heights.append(height)
    return abs(steepest) if heights[0] != heights[1] else 0.0


def _is_at_end(node: Value) -> bool:
    (slope,) = node.partials
    assert isinstance(node.op, Op)
    assert slope is not None
    return abs(slope) < _FLAT * _steepest(node.op)


def _is_flat(uses: Sequence[Value]) -> bool:
    return sum(map(_is_at_end, uses)) >= _MOSTLY * len(uses)


def _is_stuck(outputs: Iterable[Value], subject: Subject) -> bool:
    """Return whether a loss hardly depends on the arguments of flat outputs, relative to its size.

    Outputs that are confident and right are flat too. For a = 1 - ε, the ratio of the gradient by the
    argument to the loss is 1 for cross entropy and 2 for squared errors; for squared errors that are wrong it
    is 2ε.
    """
    flow = sum(abs(subject.adjoints[node] * (node.partials[0] or 0.0)) for node in outputs)
    return flow < _STUCK * abs(subject.loss.data)


def _severity(found: int, of: int, uses: int, all_of_them: str = "warning") -> str:
    """Return the severity of a share of dead neurons in a layer: a few are normal."""
    if uses < _FEW or 2 * found <= of:
        return "note"
    return all_of_them if found == of else "warning"


def _of_neurons(
    kind: str, layer: str, neurons: Sequence[str], off: Sequence[str], severity: str, state: str, advice: str
) -> Finding:
    """Return one finding for all dead neurons of a layer."""
    if len(off) == 1:
        return Finding(kind, off[0], severity, state, advice)
    if len(off) == len(neurons):
        return Finding(kind, layer, severity, f"all {len(off)} neurons: {state}", advice)
    # Sorted by length first, so that neurons.2 comes before neurons.10.
    examples = _some(sorted(off, key=lambda path: (len(path), path)))
    what = f"{len(off)} of {len(neurons)} neurons: {state}: {examples}"
    return Finding(kind, layer, severity, what, advice)


# ------------------------------------------------------------------------------------------- parameters


def _unreached(subject: Subject) -> Iterator[Finding]:
    missing = [name for name, parameter in subject.parameters if parameter not in subject.adjoints]
    if missing and len(missing) == len(subject.parameters):
        what = f"the loss depends on none of the {count(len(missing), 'parameter')}"
        cure = "build the loss from the model's outputs as they are; float(), .data and math lose the graph"
        yield Finding("unreached", "the model", "error", what, cure)
        return
    cure = "use them in forward, or take them out of the model; float(), .data and math lose the graph"
    for layer, members in _by_layer_of_name(missing).items():
        what = f"the loss does not depend on {count(len(members), 'parameter')}: {_some(members)}"
        yield Finding("unreached", layer, "warning", what, cure)


def _zero(subject: Subject) -> Iterator[Finding]:
    """Report parameters whose gradient is 0, unless a dead ReLU explains it.

    Parameters of a neuron with another nonzero gradient are fine: without shared active samples, single
    weights between ReLUs get 0.
    """
    dead = {path: _is_dead(uses) for neurons in subject.rectifiers.values() for path, uses in neurons.items()}
    if any(all(dead[path] for path in neurons) for neurons in subject.rectifiers.values()):
        return
    reached = [(name, p) for name, p in subject.parameters if p in subject.adjoints]
    moved = {module_of(name) for name, p in reached if subject.adjoints[p] != 0.0} - {""}
    zero = [name for name, p in reached if subject.adjoints[p] == 0.0 and module_of(name) not in moved]
    zero = [name for name in zero if not dead.get(module_of(name))]
    cure = "nothing if the loss has reached its bound; else look for an input or factor that is always 0"
    if len(zero) == len(reached) > 1:
        what = f"the gradient is exactly 0 for all {len(zero):,} parameters"
        yield Finding("zero gradient", "the model", "note", what, cure)
        return
    for layer, members in _by_layer_of_name(zero).items():
        what = f"the gradient is exactly 0 for {count(len(members), 'parameter')}: {_some(members)}"
        yield Finding("zero gradient", layer, "note", what, cure)


def _by_layer_of_name(parameters: Iterable[str]) -> dict[str, list[str]]:
    layers: dict[str, list[str]] = {}
    for name in parameters:
        layers.setdefault(layer_of(module_of(name)) or "the model", []).append(name)
    return layers


def _exploding(subject: Subject) -> Iterator[Finding]:
    scales, last = {**subject.scales.hidden, **subject.scales.outputs}, subject.scales.last
    top = max(scales, key=lambda layer: scales[layer], default="")
    if (
        scales
        and math.isfinite(scales[top])
        and (0.0 < _EXPLODING * last < scales[top] or scales[top] > _HUGE)
    ):
        what = f"the root mean square of the gradient is {digits(scales[top], 2)}"
        what += f", at the outputs {digits(last, 2)}" if top in subject.scales.hidden else ""
        cure = "smaller initial weights, targets and inputs of variance 1, or clipped gradients"
        yield Finding("exploding", top, "warning", what, cure)


def _vanishing(subject: Subject) -> Iterator[Finding]:
    scales, last = subject.scales.hidden, subject.scales.last
    below = [layer for layer, scale in scales.items() if scale < _VANISHING * last]
    # If all are exactly 0, the cause is another, such as weights of 0 above; underflow leaves some nonzero.
    least = min((layer for layer in below if scales[layer]), key=lambda layer: scales[layer], default=None)
    if least is not None and math.isfinite(last):
        what = (
            f"the root mean square of the gradient falls from {digits(last, 2)} at the outputs to "
            f"{digits(scales[least], 2)} here; {len(below)} of {count(len(scales), 'hidden layer')} "
            f"below {_VANISHING:g} of the outputs'"
        )
        cure = "relu or tanh with weights from `he` or `glorot`, fewer layers, or sums that skip layers"
        yield Finding("vanishing", least, "warning", what, cure)


# ------------------------------------------------------------------------------------------- duplicates


def _duplicates(subject: Subject) -> Iterator[Finding]:
    copies = _copies(subject.order)
    operations = sum(node.op is not None for node in subject.order)
    if not copies or len(copies) < _WORTH_SHARING * operations:
        return
    times = Counter(copies.values())
    saved: Counter[Value] = Counter()
    sizes: dict[Value, int] = {}
    for node in copies:
        # Counting shared operands twice would give 10^18 for y = y + y, repeated 60 times.
        sizes[node] = min(1 + sum(sizes.get(operand, 0) for operand in operands(node)), operations)
    parts = {operand for node in copies for operand in operands(node)}
    for node, original in copies.items():
        saved[original] += sizes[node] if node not in parts else 0
    worst = [original for original, _ in saved.most_common(3) if saved[original]]
    texts = [f"{_short(node, subject)} ({times[node] + 1} times)" for node in worst]
    what = f"{len(copies):,} of {count(operations, 'operation')} repeat another: {', '.join(texts)}"
    cure = "compute it once, and use the variable again"
    yield Finding("duplicates", subject.place(worst[0]), "note", what, cure)


def _copies(order: Iterable[Value]) -> dict[Value, Value]:
    """Return, for each operation that repeats an earlier one on the same operands, the first of them."""
    first: dict[tuple[str | int, ...], Value] = {}
    copies: dict[Value, Value] = {}
    for node in order:
        # +x exists to be distinguished from x, so it never counts as a repetition.
        if node.op is None or node.op.name == "pos":
            continue
        # Numbers by hex, which tells -0.0 from 0.0 and equates nans; Values by id, since equal numbers may
        # differ.
        operands = (id(copies.get(arg, arg)) if isinstance(arg, Value) else arg.hex() for arg in node.args)
        original = first.setdefault((node.op.name, *operands), node)
        if original is not node:
            copies[node] = original
    return copies


def _short(node: Value, subject: Subject) -> str:
    try:
        return expression(node, max_terms=_TERMS_SHOWN)
    except TooLongError:
        return formula(node, subject.names)


def _operation(node: Value) -> str:
    assert node.op is not None
    if len(node.args) <= _OPERANDS_SHOWN:
        return describe(node.op, node.args)
    largest = max(abs(float(arg)) for arg in node.args)
    return f"{node.op.name} of {len(node.args)} operands, the largest of size {digits(largest)},"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _share(flags: Iterable[bool]) -> str:
    listed = list(flags)
    return f"{sum(listed) / len(listed):.0%}"


def _some(items: Sequence[str]) -> str:
    """Return at most three items as text."""
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


CHECKS = (_forward, _backward, _dead, _saturated, _unreached, _zero, _exploding, _vanishing, _duplicates)
