"""Small changes of source code that tests should notice.

A mutant is a module with one such change: another operator, a negated condition, a number that is one too
large, a statement that is missing. What nobody could notice is not changed: annotations, messages of
exceptions and warnings, decorators that only store results, assertions for type checkers.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

GENERATED = {
    "autograd/engine/operators.py",
    "autograd/engine/operator_constants.py",
    "autograd/functions/generated.py",
}
"""What `autograd.ops.generate` writes: its mutants are those of the table and of the generator."""

OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Break: ast.Continue,
    ast.Continue: ast.Break,
}
"""What stands in place of an operator or a jump."""

SYMMETRIC = {"add", "dot", "multiply", "minimum", "maximum", "min", "max", "isinstance", "issubclass"}
"""Functions whose first two arguments can be swapped, or would only give an error."""

UNTOUCHED = {"annotation", "returns", "type_params", "type_comment", "bases", "ctx", "names", "msg", "cause"}
"""Fields of syntax that nobody computes with: types, and where an exception came from."""

STORING = ("cache", "lru_cache", "overload", "override", "final", "runtime_checkable", "wraps")
"""Decorators that change no result."""

FORBIDDING = {"strict", "encoding", "stacklevel", "slots", "frozen", "repr", "kw_only", "maxsize", "category"}
"""Keywords that forbid what correct callers do not do, or concern only speed and messages."""

DESCRIBING = {"doc", "domain", "special_points", "ulps", "latex"}
"""Keywords of a row of the table that say what tests expect, and where."""


class Edit(NamedTuple):
    """One change of a syntax tree: what stands in a field of a node, at a position of it if it is a list."""

    holder: ast.AST
    field: str
    place: int | None
    new: ast.AST

    @property
    def old(self) -> ast.AST:
        """What stands there."""
        value: Any = getattr(self.holder, self.field)
        node: ast.AST = value if self.place is None else value[self.place]
        return node

    def applied(self, tree: ast.AST) -> str:
        """Return the text of a tree with this change."""
        before: Any = getattr(self.holder, self.field)
        changed: Any = self.new
        if self.place is not None:
            changed = [*before[: self.place], self.new, *before[self.place + 1 :]]
        setattr(self.holder, self.field, changed)
        try:
            return ast.unparse(ast.fix_missing_locations(tree))
        finally:
            setattr(self.holder, self.field, before)


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes
    ----------
    path, function : str
        The file, and the function or class in it, dotted; empty for what stands outside them.
    line : int
        Where the change is.
    lines : range
        Lines, of which one is executed where the change matters; none for what matters when it is imported.
    change : str
        What stood there, and what stands there now.
    number : int
        Of equal changes in a function, which one.
    """

    path: str
    function: str
    line: int
    lines: range
    change: str
    number: int
    module: ast.Module = field(repr=False, compare=False)
    edit: Edit = field(repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all others, also after other functions have changed."""
        return self.path, self.function, self.change, str(self.number)

    def source(self) -> str:
        """Return the text of the changed module."""
        return self.edit.applied(self.module)


def sample(root: Path, places: Iterable[str], seed: int, count: int) -> list[Mutant]:
    """Return mutants of the files in some places, drawn such that those of a function depend on it alone."""
    found = [m for path in files(root, places) for m in mutants(path, (root / path).read_text("utf-8"))]
    return sorted(found, key=lambda m: hashlib.sha256(repr((seed, m.key)).encode()).digest())[:count]


def files(root: Path, places: Iterable[str]) -> list[str]:
    """Return the Python files of some folders, or the files themselves, without generated ones."""
    paths = {
        path for place in places for path in [root / place, *(root / place).rglob("*.py")] if path.is_file()
    }
    return [name for path in sorted(paths) if (name := path.relative_to(root).as_posix()) not in GENERATED]


def mutants(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a module."""
    module = ast.parse(source)
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for edit, function, statement in _edits(module, "", module):
        change = _change(edit)
        seen[function, change] += 1
        number = seen[function, change]
        # What is executed when the module is imported matters to all that use it.
        late = function.endswith(")") or isinstance(edit.old, ast.FunctionDef)
        lines = _lines(edit.old, statement) if late else range(0)
        line = getattr(edit.old, "lineno", getattr(statement, "lineno", 1))
        found.append(Mutant(path, function, line, lines, change, number, module, edit))
    return found


def _change(edit: Edit) -> str:
    """Return what stands there and what will, in a line; of long texts what begins with the difference."""
    before, after = (_text(node) for node in (edit.old, edit.new))
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    if len(before) > 80 and same > 24:
        before, after = (f"...{text[same - 20 :]}" for text in (before, after))
    return " -> ".join(text if len(text) <= 80 else f"{text[:77]}..." for text in (before, after))


def _text(node: ast.AST) -> str:
    """Return the text of an expression or of a statement without its body."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return " ".join([*(f"@{ast.unparse(d)}" for d in node.decorator_list), node.name])
    text = ast.unparse(ast.fix_missing_locations(node))
    return text.partition("\n")[0] if hasattr(node, "body") else " ".join(text.split())


def _lines(node: ast.AST, statement: ast.AST) -> range:
    """Return the lines of a node, or those of the simple statement that it is in."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        # What stands in the head of a function, such as a default, matters when the function is called.
        return range(statement.body[0].lineno, (statement.end_lineno or 0) + 1)
    shown = (
        node
        if hasattr(statement, "body") and node is not statement and hasattr(node, "lineno")
        else statement
    )
    first, last = getattr(shown, "lineno", 1), getattr(shown, "end_lineno", 1)
    if shown is statement and isinstance(statement, ast.If | ast.While):
        last = statement.test.end_lineno or last
    return range(first, last + 1)


def _edits(node: ast.AST, function: str, statement: ast.AST) -> Iterator[tuple[Edit, str, ast.AST]]:
    """Yield each change in a node, with the function and the statement that it is in."""
    for name, value in ast.iter_fields(node):
        if name in UNTOUCHED:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_unnoticed(node, name, child):
                continue
            inside = child if isinstance(child, ast.stmt) else statement
            for new in _replacements(child):
                yield Edit(node, name, index, new), function, inside
            deeper = function
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                deeper = f"{function}.{child.name}".lstrip(".") + "()" * isinstance(child, ast.FunctionDef)
            yield from _edits(child, deeper, inside)


def _is_unnoticed(holder: ast.AST, name: str, node: ast.AST) -> bool:
    """Return whether nobody could notice, or should mind, a change of a node in a field of another."""
    match node:
        case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.FunctionDef(decorator_list=[ast.Name(id="overload"), *_]):
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case ast.Delete(targets=targets):
            return all(isinstance(target, ast.Name) for target in targets)
        case ast.keyword(arg=word):
            return word in FORBIDDING or (_called(holder) == "Op" and word in DESCRIBING)
    if name == "decorator_list":
        return _name(node) in STORING or _called(node) in STORING
    # Of an exception and of a warning it is noticed that they come, and of which class they are.
    if isinstance(holder, ast.Raise) or _called(holder) in ("warn", "TypeVar"):
        return True
    return _called(holder) == "cast" and name == "args"


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _called(node: ast.AST) -> str:
    """Return the name of the function that a node calls."""
    return _name(node.func) if isinstance(node, ast.Call) else ""


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what can stand in place of a node."""
    match node:
        case ast.BinOp(op=ast.BitOr(), right=right) if _is_type(right):
            pass
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op):
            yield _with(node, op=OTHER[type(op)]())
        case ast.Compare(ops=ops):
            for i, sign in enumerate(ops):
                yield _with(node, ops=[*ops[:i], OTHER[type(sign)](), *ops[i + 1 :]])
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1 if value + 1 != value else value / 2)
        case ast.Break() | ast.Continue():
            yield OTHER[type(node)]()
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Slice():
            for bound in ("lower", "upper", "step"):
                if getattr(node, bound) is not None:
                    yield _with(node, **{bound: None})
        case ast.Call():
            yield from _other_calls(node)
        case ast.comprehension(ifs=ifs):
            for i in range(len(ifs)):
                yield _with(node, ifs=[*ifs[:i], *ifs[i + 1 :]])
        case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators):
            for i, decorator in enumerate(decorators):
                if not _is_unnoticed(node, "decorator_list", decorator):
                    yield _with(node, decorator_list=[*decorators[:i], *decorators[i + 1 :]])
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            # A comparison is changed itself, as is a "not".
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield _with(node, test=ast.UnaryOp(ast.Not(), test))
    if _is_removable(node):
        yield ast.Pass()


def _is_removable(node: ast.AST) -> bool:
    """Return whether a module without a statement still has all of its names."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign() | ast.Delete():
            return True
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
    return False


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    """Return a copy of a node with other fields, which shares the rest."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def _is_type(node: ast.AST) -> bool:
    """Return whether an operand of ``|`` is a type, as in ``isinstance(x, int | None)``."""
    if isinstance(node, ast.Constant):
        return True
    name = _name(node.value if isinstance(node, ast.Subscript) else node)
    return name[:1].isupper() or isinstance(getattr(builtins, name, None), type)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Yield a call with its first arguments swapped, without each keyword, with other rules of the table."""
    name = _called(node)
    # A text in place of something else would only give an error.
    plain = not any(isinstance(a, ast.Starred | ast.Constant | ast.JoinedStr) for a in node.args[:2])
    same = len({ast.dump(argument) for argument in node.args[:2]}) < 2
    if not same and plain and name not in SYMMETRIC:
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    for i, word in enumerate(node.keywords):
        rest = [node.keywords[:i], node.keywords[i + 1 :]]
        if name == "Op":
            for value in _other_rules(word.value) if word.arg in ("value", "partials") else ():
                yield _with(node, keywords=[*rest[0], ast.keyword(word.arg, value), *rest[1]])
        elif word.arg is not None and not _is_unnoticed(node, "keywords", word):
            yield _with(node, keywords=[*rest[0], *rest[1]])
    if name in ("Rule", "_fold") and node.args:
        for value in _other_rules(node.args[0]):
            yield _with(node, args=[value, *node.args[1:]])


def _other_rules(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the text of a rule with one change, or a tuple of rules with one of them changed."""
    match node:
        case ast.Tuple(elts=rules):
            for i, rule in enumerate(rules):
                for other in _other_rules(rule):
                    yield ast.Tuple([*rules[:i], other, *rules[i + 1 :]], ast.Load())
        case ast.Constant(value=str(text)):
            tree = ast.parse(text, mode="eval")
            for edit, _, _ in _edits(tree, "", tree):
                yield ast.Constant(edit.applied(tree))
