"""The words of random programs: operations on arrays, in the spellings that people use.

In the templates ``{0}``, ``{1}`` are the operands, ``{all}`` all of them, ``{f}`` the function of a step that
has one, and other names are options. PyTorch's text follows this project's conventions at ties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracles import rounds

from autograd import OPS, Op
from autograd.ops.table import COMPARISONS


@dataclass(frozen=True)
class Word:
    """One operation, in several spellings.

    Attributes
    ----------
    ours : tuple of str
        The spellings.
    torch : str
        The spelling in PyTorch.
    rows : str
        The spelling as a call of a single row, for number types that support only rows; empty if none exists.
    rounds : str
        ``"never"``, ``"once"`` (correctly, so all implementations give the same bits), or ``"freely"``. Sums
        round freely, unless no order of their terms rounds.
    kinks : bool
        Whether operands that nearly tie may give different results after a different rounding.
    """

    ours: tuple[str, ...]
    torch: str
    rows: str = ""
    rounds: str = "never"
    kinks: bool = False


# PyTorch splits the gradient of a tie.
_TORCH = {"max": "_max({0}, {1})", "min": "_min({0}, {1})"}
CONTINUOUS_KINKS = {"abs", "max", "min", "relu"}
_JUMPS = {"floor", "floordiv", "mod"}


def _row(op: Op) -> Word:
    """Return a row as a word, spelled by its operator or function, and by NumPy's."""
    unary = len(op.partials) == 1
    places = "{0}" if unary else "{0}, {1}"
    infix = f"({op.symbol}{{0}})" if unary else f"{{0}} {op.symbol} {{1}}"
    public = infix if op.symbol else f"autograd.{op.name}({places})"
    spellings = [public]
    if op.ufunc is not None:
        spellings.append(f"np.{op.ufunc.__name__}({places})")
    torch = _TORCH.get(op.name, f"_row({op.name!r}, {places})")
    kinks = op.name in CONTINUOUS_KINKS | _JUMPS
    return Word(tuple(spellings), torch, f"_call({op.name!r}, {places})", rounds(op), kinks)


ROWS: Mapping[str, Op] = {name: op for name, op in OPS.items() if not op.variadic}

UNARY = [name for name, op in ROWS.items() if len(op.partials) == 1]
BINARY = [name for name, op in ROWS.items() if len(op.partials) == 2]

SIGNS = [op.symbol for op in COMPARISONS.values()]

# In conditions {sign} compares the first two operands, {other} the next two.
_ONE = "({0} {sign} {1})"
_TWO = "({0} {sign} {1}) {joint} ({2} {other} {3})"

WORDS: Mapping[str, Word] = {
    **{name: _row(op) for name, op in ROWS.items() if len(op.partials) < 3},
    "where": Word(
        ("autograd.where({0}, {1}, {2})",),
        "torch.where({0} != 0.0, {1}, {2})",
        "_call('where', {0}, {1}, {2})",
        kinks=True,
    ),
    # On numbers, not on arrays.
    "sum of": Word(
        ("autograd.sum([{all}])", "sum([{all}])"), "sum([{all}])", "_call('sum', [{all}])", "freely"
    ),
    "dot of": Word(
        ("autograd.dot([{0}, {1}], [{2}, {3}])",),
        "({0} * {2} + {1} * {3})",
        "_call('dot', [{0}, {1}], [{2}, {3}])",
        "freely",
    ),
    "logsumexp of": Word(
        ("autograd.logsumexp([{0}, {1}])",),
        "torch.logaddexp({0}, {1})",
        "_call('logsumexp', [{0}, {1}])",
        "freely",
    ),
    # ------------------------------------------------------------------------------------------ choices
    "choose": Word(
        (f"autograd.where({_ONE}, {{2}}, {{3}})", f"np.where({_ONE}, {{2}}, {{3}})"),
        f"torch.where({_ONE}, {{2}}, {{3}})",
        kinks=True,
    ),
    "choose by two": Word(
        (f"autograd.where({_TWO}, {{4}}, {{5}})", f"np.where({_TWO}, {{4}}, {{5}})"),
        f"torch.where({_TWO}, {{4}}, {{5}})",
        kinks=True,
    ),
    "choose otherwise": Word(
        (f"autograd.where(~{_ONE}, {{2}}, {{3}})", f"np.where(np.logical_not{_ONE}, {{2}}, {{3}})"),
        f"torch.where(~{_ONE}, {{2}}, {{3}})",
        kinks=True,
    ),
    "mask": Word((f"{_ONE} * {{2}}", f"{{2}} * {_ONE}"), f"{_ONE}.double() * {{2}}", kinks=True),
    "clip": Word(
        ("np.clip({0}, {low}, {high})", "{0}.clip({low}, {high})"),
        "_min(_max({0}, _tensor({low})), _tensor({high}))",
        kinks=True,
    ),
    "largest": Word(
        ("autograd.max({0}.ravel().tolist())", "np.max({0})", "{0}.max()"),
        "_fold(_max, {0})",
        kinks=True,
    ),
    "smallest": Word(
        ("autograd.min({0}.ravel().tolist())", "np.min({0})", "{0}.min()"),
        "_fold(_min, {0})",
        kinks=True,
    ),
    # ------------------------------------------------------------------------------------ sums, products
    "sum": Word(
        ("np.sum({0})", "{0}.sum()", "autograd.sum({0}.ravel().tolist())", "sum({0}.ravel().tolist())"),
        "{0}.sum()",
        rounds="freely",
    ),
    "sum along": Word(
        ("np.sum({0}, axis={axis})", "{0}.sum(axis={axis})"), "{0}.sum({axis})", rounds="freely"
    ),
    "mean": Word(("np.mean({0})", "{0}.mean()"), "{0}.mean()", rounds="freely"),
    "variance": Word(
        ("np.mean(({0} - np.mean({0})) ** 2)", "np.var({0})", "{0}.var()"),
        "{0}.var(correction=0)",
        rounds="freely",
    ),
    "deviation": Word(
        ("np.std({0})", "{0}.std()"), "({0} - {0}.mean()).square().mean().sqrt()", rounds="freely"
    ),
    "distance": Word(
        ("np.linalg.norm({0})", "autograd.norm({0}.ravel().tolist())"),
        "{0}.square().sum().sqrt()",
        rounds="freely",
    ),
    "product": Word(("np.prod({0})", "{0}.prod()"), "_product({0})", rounds="freely"),
    "running sum": Word(("np.cumsum({0})", "{0}.cumsum()"), "{0}.ravel().cumsum(0)", rounds="freely"),
    "dot": Word(
        ("autograd.dot({0}, {1})", "{0} @ {1}", "np.dot({0}, {1})", "({0} * {1}).sum()"),
        "{0} @ {1}",
        rounds="freely",
    ),
    "matmul": Word(("{0} @ {1}", "np.matmul({0}, {1})"), "{0} @ {1}", rounds="freely"),
    "outer": Word(("np.outer({0}, {1})", "{0}[:, None] * {1}"), "torch.outer({0}, {1})", rounds="once"),
    # {0} ** 2 is a power, which NumPy rounds freely: -2.232 to an array of 2.0 is 4.9818240000000005, and the
    # square is 4.981824000000001.
    "square": Word(("{0} * {0}", "np.square({0})"), "{0} * {0}", rounds="once"),
    "sinc": Word(("np.sinc({0})",), "torch.sinc({0})", rounds="freely"),
    "power": Word(("{0} ** {power}", "np.power({0}, {power})"), "{0} ** {power}", rounds="freely"),
    "logsumexp": Word(("autograd.logsumexp({0})",), "torch.logsumexp({0}, 0)", rounds="freely"),
    "softmax": Word(
        ("np.append({0}[:0], autograd.softmax({0}))",),
        "torch.softmax({0}, 0)",
        rounds="freely",
    ),
    # -------------------------------------------------------------------------------------- masked logits
    "masked logsumexp": Word(
        ("autograd.logsumexp(autograd.where({mask}, {0}, -inf))", "autograd.logsumexp({0} + {infinities})"),
        "torch.logsumexp(torch.where({torch_mask}, {0}, -inf), 0)",
        rounds="freely",
    ),
    "masked softmax": Word(
        (
            "np.append({0}[:0], autograd.softmax(np.where({mask}, {0}, -inf)))",
            "np.append({0}[:0], autograd.softmax({0} + {infinities}))",
        ),
        "torch.softmax(torch.where({torch_mask}, {0}, -inf), 0)",
        rounds="freely",
    ),
    "masked cross entropy": Word(
        (
            "losses.cross_entropy(autograd.where({mask}, {0}, -inf), {label})",
            "losses.cross_entropy({0} + {infinities}, {label})",
        ),
        "torch.nn.functional.cross_entropy(torch.where({torch_mask}, {0}, -inf), torch.tensor({label}))",
        rounds="freely",
    ),
    # --------------------------------------------------------------------------------------------- losses
    "squared error": Word(("losses.mse({0}, {1})",), "(({0} - {1}) ** 2).mean()", rounds="freely"),
    "hinge": Word(
        ("losses.hinge({0}, np.array({signs}))",),
        "torch.relu(1.0 - _tensor({signs}) * {0}).mean()",
        rounds="freely",
        kinks=True,
    ),
    "logistic loss": Word(
        ("losses.binary_cross_entropy_with_logits({0}, np.array({targets}))",),
        "torch.nn.functional.binary_cross_entropy_with_logits({0}, _tensor({targets}))",
        rounds="freely",
    ),
    "cross entropy": Word(
        ("losses.cross_entropy({0}, np.array({labels}))",),
        "torch.nn.functional.cross_entropy({0}, torch.tensor({labels}))",
        rounds="freely",
    ),
    # --------------------------------------------------------------------------------------- arrangements
    "concatenate": Word(("np.concatenate([{all}], axis={axis})",), "torch.cat([{all}], {axis})"),
    "append": Word(("np.append({0}, {1})",), "torch.cat([{0}.ravel(), {1}.ravel()])"),
    "stack": Word(("np.stack([{all}], axis={axis})",), "torch.stack([{all}], {axis})"),
    "array": Word(("np.array([{all}])", "np.stack([{all}])"), "torch.stack([{all}])"),
    "vstack": Word(("np.vstack([{all}])",), "torch.vstack([{all}])"),
    "hstack": Word(("np.hstack([{all}])",), "torch.hstack([{all}])"),
    "reshape": Word(("{0}.reshape({shape})", "np.reshape({0}, {shape})"), "{0}.reshape({shape})"),
    "transpose": Word(("{0}.T", "np.transpose({0})"), "_transpose({0})"),
    "reverse": Word(("{0}[::-1]", "np.flip({0}, 0)"), "torch.flip({0}, (0,))"),
    "roll": Word(("np.roll({0}, {shift}, axis=0)",), "torch.roll({0}, {shift}, 0)"),
    "slice": Word(("{0}[{start}:{stop}]",), "{0}[{start}:{stop}]"),
    "strided slice": Word(("{0}[::2]",), "{0}[::2]"),
    "take": Word(
        ("{0}[{places}]", "np.take({0}, {places}, axis=0)", "autograd.take({0}, {places}, axis=0)"),
        "{0}[{places}]",
    ),
    "look up": Word(
        ("autograd.take({0}, autograd.floor({1}), axis=0, mode={mode!r})",),
        "_look_up({0}, {1}, {mode!r})",
        kinks=True,
    ),
    "element": Word(("{0}[{place}]",), "{0}[{place}]"),
    "pad": Word(
        ("np.concatenate([[0.0], {0}, [0.0]])", "np.pad({0}, 1)"), "torch.nn.functional.pad({0}, (1, 1))"
    ),
    "diagonal": Word(("np.diagonal({0})", "{0}.diagonal()"), "{0}.diagonal()"),
    "lower": Word(("np.tril({0})",), "torch.tril({0})"),
    "repeat": Word(("np.repeat({0}, 2)", "{0}.repeat(2)"), "{0}.repeat_interleave(2)"),
    "tile": Word(("np.tile({0}, 2)",), "{0}.tile(2)"),
    # What is computed before an assignment does not change. The sum makes `Value`s of plain numbers, which
    # cannot be assigned to an array of those.
    "assigned": Word(
        ("_assigned({0} + {1} * 0.0, {place}, {1}, {view!r})",),
        "_assigned({0} + {1} * 0.0, {place}, {1}, {view!r})",
        rounds="once",
    ),
    "assigned constant": Word(
        ("_assigned({0} * 1.0, {place}, {1}, {view!r})",),
        "_assigned({0} * 1.0, {place}, {1}, {view!r})",
        rounds="once",
    ),
    # Batches of equal samples.
    "spread": Word(
        ("np.ones({size}) * {0}", "np.zeros({size}) + {0}"),
        "{0} * torch.ones({size}, dtype=torch.float64)",
    ),
    "differences": Word(("np.diff({0})", "{0}[1:] - {0}[:-1]"), "{0}[1:] - {0}[:-1]", rounds="once"),
    # ------------------------------------------------------------------------------------------ functions
    "call": Word(("{f}({0})", "_worker({f}, {0})"), "{f}({0})"),
    "compiled call": Word(("{f}({0})", "autograd.jit({f}, backend='numpy')({0})"), "{f}({0})"),
    "vmap": Word(
        ("autograd.vmap({f})({0})", "np.stack([{f}(row) for row in {0}])"), "torch.func.vmap({f})({0})"
    ),
    "vmap along columns": Word(
        ("autograd.vmap({f}, in_axes=1)({0})",), "torch.func.vmap({f}, in_dims=1)({0})"
    ),
    "vmap of two": Word(
        ("autograd.vmap({f}, in_axes=(0, None))({0}, {1})",), "torch.func.vmap({f}, (0, None))({0}, {1})"
    ),
    "gradient": Word(
        ("autograd.grad({f})({0})", "autograd.value_and_grad({f})({0})[1]"), "torch.func.grad({f})({0})"
    ),
    "gradients of samples": Word(
        ("autograd.vmap(autograd.grad({f}))({0})",), "torch.func.vmap(torch.func.grad({f}))({0})"
    ),
    "tangent": Word(
        ("autograd.jvp({f}, ({0},), ({1},))[1]",), "torch.func.jvp({f}, (_dense({0}),), (_dense({1}),))[1]"
    ),
    "curvature": Word(
        ("autograd.hvp({f}, ({0},), ({1},))",),
        "torch.func.jvp(torch.func.grad({f}), (_dense({0}),), (_dense({1}),))[1]",
    ),
    "pulled back": Word(("autograd.vjp({f}, {0})[1]({1})[0]",), "torch.func.vjp({f}, {0})[1]({1})[0]"),
    # --------------------------------------------------------------------- control flow, rules of one's own
    "branch": Word(
        ("autograd.cond({0} {sign} {1}, {f}, lambda a: 2.0 * {f}(a), {2})",),
        "torch.where({0} {sign} {1}, {f}({2}), 2.0 * {f}({2}))",
        kinks=True,
    ),
    "loop": Word(
        ("autograd.scan(lambda c, r: (autograd.tanh({f}(c, r)), c), {0}, {1}, reverse={reverse})[{part}]",),
        "_scan({f}, {0}, {1}, {reverse})[{part}]",
        rounds="freely",
    ),
    # As many steps as its second operand says, three at most.
    "while": Word(
        (
            "autograd.while_loop(lambda s: s[1] < 1.0, "
            "lambda s: (autograd.tanh({f}(s[0])), s[1] + 0.75), ({0}, {1}))[{part}]",
        ),
        "_while({f}, {0}, {1})[{part}]",
        rounds="freely",
        kinks=True,
    ),
    "stopped": Word(("autograd.stop_gradient({0})",), "{0}.detach()"),
    "with a rule": Word(("_by_jvp({f})({0})", "_by_vjp({f})({0})"), "{f}({0})"),
    # ------------------------------------------------------------------------------------------- settings
    "activation": Word(("{p}.activation({0})",), "_activation({0})", rounds="freely", kinks=True),
    "slope": Word(("{p}.slope * {0}",), "_slope * {0}", rounds="once"),
}
