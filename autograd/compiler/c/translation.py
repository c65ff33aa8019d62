"""Translate loops, which are Python, into C, line for line: what makes them fast is decided in one place.

The loops are those that `named_loops` writes, a small part of Python: ranges, choices, elements of flat
arrays, arithmetic, and calls of functions of numbers. Each room of the work array gets a name, arrays that
they make are parts of the memory that the caller gives, and variables are declared where they are first set.
"""

from __future__ import annotations

import ast
from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from .expressions import FLOAT, INDEX, TRUTH, CExpression, Expressions
from .lines import CLine, Variable
from .workspace import Amount, Workspace, amount_of, text_of_amount

_POINTER, _CONSTANT = "double *", "const double *"


class GivenArray(NamedTuple):
    """What the caller of a function in C gives it for an argument or a result of a program.

    Attributes
    ----------
    variable : Variable
        The parameter.
    lengths : tuple of Amount
        The length of each dimension.
    """

    variable: Variable
    lengths: tuple[Amount, ...]


class Room(NamedTuple):
    """A part of the work array: where it begins, and what it is called."""

    start: int
    name: str


@dataclass
class Translation:
    """The function that loops become.

    Attributes
    ----------
    given : mapping of str to GivenArray
        What arguments and results are called by the loops.
    rooms : sequence of Room
        The parts of the work array, in order.
    workspace : Workspace
        The memory, which begins with the work array.
    sizes : mapping of str to Variable
        The lengths that the caller gives, by name.
    steps : str
        How many steps a loop that counts them may store.
    work : Variable
        The memory, as a parameter.
    errors : int
        How many errors the loops can return; one more says that there were more steps.
    variables : dict of str to Variable
        What is declared before all lines: rooms and tables.
    can_be_full : bool
        Whether there may be more steps than there is room for.
    widths : mapping of str to int
        How many numbers the rows of tables have, by name.
    constants : mapping of str to int
        Names that stand for numbers.
    """

    given: Mapping[str, GivenArray]
    rooms: Sequence[Room]
    workspace: Workspace
    sizes: Mapping[str, Variable] = field(default_factory=dict)
    steps: str = ""
    errors: int = 0
    work: Variable = field(default_factory=lambda: Variable("work", _POINTER))
    tables: dict[str, Variable] = field(default_factory=dict)
    can_be_full: bool = False
    widths: Mapping[str, int] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._written = Expressions(self._variable, self._element)
        self.helpers = self._written.helpers
        self._starts = [room.start for room in self.rooms]
        self.parts = [Variable(room.name, "double *const ") for room in self.rooms]
        self._scopes: list[dict[str, CExpression]] = [{}]
        self._amounts: dict[str, Amount] = {}
        self._lines: list[list[CLine]] = [[]]
        self._numbers = count(1)
        # The indices of loops of one round, which are not written as loops.
        self._known: dict[str, int] = {}

    def lines_of(self, text: Sequence[str]) -> list[CLine]:
        r"""Return the lines of C for those of loops.

        Examples
        --------
        >>> from .lines import written
        >>> x = GivenArray(Variable("x", "const double *"), (Counter({(): 9}),))
        >>> y = GivenArray(Variable("y", "double *"), (Counter({(): 9}),))
        >>> loops = ["# Halves:", "for i in range(9):", "    v1 = argument0[i]", "    result0[i] = 0.5 * v1"]
        >>> translation = Translation({"argument0": x, "result0": y}, [], Workspace())
        >>> print("\n".join(written(translation.lines_of(loops), 0)))
        /* Halves: */
        for (ptrdiff_t i = 0; i < 9; i++) {
            double v1 = x[i];
            y[i] = 0.5 * v1;
        }
        """
        module = ast.parse("\n".join(map(_with_remarks, text)))
        self._statements(module.body)
        return self._lines.pop()

    def _statements(self, nodes: Sequence[ast.stmt]) -> None:
        for node in nodes:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Constant(value=str(remark))):
                self._add(CLine(f"/* {remark} */"))
            case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args)):
                self._copy(name, args)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                self._assign_each(targets, values)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AugAssign(target=target, op=operator, value=value):
                self._assign(target, ast.BinOp(target, operator, value))
            case ast.For(target=ast.Name(id=index), iter=ast.Call(args=args), body=body):
                self._loop(index, args, body)
            case ast.While(body=body):
                self._block("for (;;)", (), body)
            case ast.If():
                self._choice(node)
            case ast.Break():
                self._add(CLine("break;"))
            case ast.Return(value=ast.Constant(value=int(number))):
                self._add(CLine(f"return {number};"))
            case _:
                raise TypeError(f"loops for C have no {ast.unparse(node)}")

    def _add(self, line: CLine) -> None:
        self._lines[-1].append(line)

    def _block(self, head: str, reads: Sequence[Variable], body: Sequence[ast.stmt]) -> None:
        self._scopes.append({})
        self._within(head, reads, body)

    def _within(self, head: str, reads: Sequence[Variable], body: Sequence[ast.stmt]) -> None:
        """Write a block, whose scope is open."""
        self._lines.append([])
        self._statements(body)
        inside = self._lines.pop()
        self._scopes.pop()
        self._add(CLine(head, reads, body=inside))

    def _loop(self, index: str, args: Sequence[ast.expr], body: Sequence[ast.stmt]) -> None:
        bounds = [self._written.of(arg) for arg in args]
        start, stop = ("0", bounds[0]) if len(bounds) == 1 else (bounds[0].text, bounds[1])
        step = bounds[2].text if len(bounds) == 3 else "1"
        if _is_round(start, stop.text, step):
            self._known[index] = int(start)
            # What it declares is its own.
            if len(self._lines) == 1:
                self._block("", (), body)
            else:
                self._statements(body)
            del self._known[index]
            return
        sign = ">" if step.startswith("-") else "<"
        after = {"1": f"{index}++", "-1": f"{index}--"}.get(step, f"{index} += {step}")
        variable = Variable(index, INDEX)
        self._scopes.append({index: CExpression(index, INDEX, reads=(variable,))})
        reads = [variable for bound in bounds for variable in bound.reads]
        head = f"for ({INDEX} {index} = {start}; {index} {sign} {stop.within(5)}; {after})"
        self._within(head, reads, body)

    def _choice(self, node: ast.If, before: str = "") -> None:
        if "is_interrupted" in (text := ast.unparse(node.test)):
            return
        if text.startswith("len("):
            self._end_if_full(node.test)
            return
        test = self._written.of(node.test)
        self._block(f"{before}if ({test.text})", test.reads, node.body)
        match node.orelse:
            case [ast.If() as other]:
                self._choice(other, "else ")
            case [_, *_]:
                self._block("else", (), node.orelse)

    def _end_if_full(self, test: ast.expr) -> None:
        """Write what returns an error if an array has no room for a step, where loops make it longer."""
        assert isinstance(test, ast.Compare)
        assert isinstance(test.comparators[0], ast.BinOp)
        step = self._written.of(test.comparators[0].right)
        self.can_be_full = True
        ended = [CLine(f"return {self.errors + 1};")]
        self._add(CLine(f"if ({step.text} == {self.steps})", step.reads, body=ended))

    def _assign_each(self, targets: Sequence[ast.expr], values: Sequence[ast.expr]) -> None:
        names = [ast.unparse(target) for target in targets]
        if names[::-1] == [ast.unparse(value) for value in values]:
            one, other = (self._variable(name) for name in names)
            reads = (*one.reads, *other.reads)
            self._add(CLine(f"double *swapped{next(self._numbers)} = {one.text};", reads))
            last = self._lines[-1][-1].text.split()[1].lstrip("*")
            self._add(CLine(f"{one.text} = {other.text};", reads))
            self._add(CLine(f"{other.text} = {last};", reads))
            return
        for target, value in zip(targets, values, strict=True):
            self._assign(target, value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Subscript):
            found, given = self._element(target.value, target.slice), self._written.of(value)
            self._add(CLine(f"{found.text} {_changed(found.text, given.text)};", found.reads + given.reads))
            return
        assert isinstance(target, ast.Name)
        match value:
            case ast.Call(func=ast.Attribute(attr="empty"), args=[size]):
                self._make(target.id, size)
            case ast.Call(func=ast.Attribute(attr="full"), args=[size, number]):
                self._make(target.id, size)
                self._fill(target.id, size, number)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="ravel")):
                self._scopes[0][target.id] = self._variable(name)
            case ast.Name(id=name) if name.startswith("count"):
                self._scopes[-1][target.id] = self._variable(name)
            case _ if target.id.startswith("length") and self._is_given(value):
                amount = self._length(value)
                self._amounts[target.id] = amount
                self._scopes[0][target.id] = self._of_amount(amount)
            case _:
                self._set(target.id, value)

    def _is_given(self, value: ast.expr) -> bool:
        """Return whether a length is known before the loops."""
        return isinstance(value, ast.Constant) or ".shape[" in ast.unparse(value)

    def _length(self, value: ast.expr) -> Amount:
        match value:
            case ast.BinOp(
                left=ast.Subscript(value=ast.Attribute(value=ast.Name(id=name)), slice=ast.Constant(value=d)),
                right=extra,
            ):
                found = Counter(self.given[name].lengths[int(d)])  # type: ignore[arg-type]
                found[()] += int(ast.literal_eval(extra))
                return found
        return amount_of(value, {})

    def _of_amount(self, amount: Amount) -> CExpression:
        text = text_of_amount(amount)
        reads = self._read_by(amount)
        kind = INDEX if reads else TRUTH
        return CExpression(
            text, kind, 6 if " + " in text or " - " in text else 7 if "*" in text else 9, reads
        )

    def _read_by(self, amount: Amount) -> tuple[Variable, ...]:
        return tuple([self.sizes[name] for names in amount for name in names if name in self.sizes])

    def _set(self, name: str, value: ast.expr) -> None:
        """Write what sets a variable, and declares it where it is not known yet."""
        known = next((scope[name] for scope in reversed(self._scopes) if name in scope), None)
        given = self._written.of(self._without_repetition(value))
        if known is not None:
            (variable,) = known.reads
            self._add(CLine(f"{name} {_changed(name, given.text)};", given.reads, variable))
            return
        kind = INDEX if given.kind == TRUTH else given.kind
        variable = Variable(name, kind)
        self._scopes[-1][name] = CExpression(name, kind, reads=(variable,))
        self._add(CLine(f"{_declared(kind, name)} = {given.text};", given.reads, variable))

    def _without_repetition(self, value: ast.expr) -> ast.expr:
        """Return an expression in which a function that is called twice with the same numbers has a name."""
        calls = Counter(ast.unparse(node) for node in ast.walk(value) if _is_of_math(node))
        for text, times in calls.most_common():
            if times > 1:
                name = f"e{next(self._numbers)}"
                self._set(name, ast.parse(text, mode="eval").body)
                return self._without_repetition(_Renamed(text, name).visit(value))
        return value

    def _make(self, name: str, size: ast.expr) -> None:
        """Write where an array begins that the loops make."""
        of_steps: Amount = Counter({(self.steps,): 1})
        counted = {
            node.id: of_steps
            for node in ast.walk(size)
            if isinstance(node, ast.Name) and node.id not in self._amounts
        }
        if name.startswith("steps") and isinstance(size, ast.BinOp) and isinstance(size.right, ast.Constant):
            size, counted = ast.BinOp(size.left, ast.Mult(), ast.Name("steps")), {"steps": of_steps}
        amount = amount_of(size, {**self._amounts, **counted})
        start = self.workspace.taken(amount)
        variable = Variable(name, _POINTER)
        self._scopes[-1][name] = CExpression(name, _POINTER, reads=(variable,))
        words = start.split()
        reads = [self.work, *(size for name, size in self.sizes.items() if name in words)]
        self._add(CLine(f"double *{name} = work + {start};", reads, variable))

    def _fill(self, name: str, size: ast.expr, number: ast.expr) -> None:
        length, value = self._written.of(size), self._written.of(number)
        array = self._variable(name)
        head = f"for ({INDEX} i = 0; i < {length.within(5)}; i++)"
        body = [CLine(f"{name}[i] = {value.text};", [*array.reads, *value.reads])]
        self._add(CLine(head, length.reads, body=body))

    def _copy(self, name: str, args: Sequence[ast.expr]) -> None:
        """Write what copies, clears or transposes many numbers at once."""
        if name == "transpose":
            target, at, step, source, start, stride = args
            to, of = self._at(target, at), self._at(source, start)
            by, apart = self._written.of(step), self._written.of(stride)
            self._written.helpers.add(name)
            text = f"transpose({to.text}, {by.text}, {of.text}, {apart.text});"
            self._add(CLine(text, to.reads + of.reads + by.reads + apart.reads))
            return
        array, first, size, *rest = args
        to, length = self._at(array, first), self._written.of(size)
        if name == "clear":
            self._add(CLine(f"memset({to.text}, 0, {_bytes(length)});", to.reads + length.reads))
            return
        of = self._at(*rest)
        reads = to.reads + of.reads + length.reads
        if length.text == "1":
            text = f"{self._element(array, first).text} = {self._element(*rest).text};"
        else:
            text = f"memcpy({to.text}, {of.text}, {_bytes(length)});"
        self._add(CLine(text, reads))

    def _variable(self, name: str) -> CExpression:
        known = {**self.constants, **self._known}
        if name in known:
            return CExpression(str(known[name]), TRUTH)
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        if name in self.given:
            given = self.given[name].variable
            return CExpression(given.name, given.kind, reads=(given,))
        raise TypeError(f"loops for C read {name} where it is not declared")

    def _array(self, node: ast.expr, index: ast.expr) -> tuple[CExpression, CExpression]:
        """Return an array, or a room of the work array, and the index of an element there."""
        assert isinstance(node, ast.Name)
        if isinstance(index, ast.Tuple):
            row, column = index.elts
            width = ast.BinOp(ast.Constant(self.widths[node.id]), ast.Mult(), row)
            index = ast.BinOp(width, ast.Add(), column)
        terms = self._terms(index)
        at = self._written.of(_sum_of(terms))
        if node.id in ("numbers", "places", *self.widths):
            kind = "static const double" if node.id == "numbers" else "static const int"
            table = self.tables.setdefault(node.id, Variable(node.id, kind))
            return CExpression(node.id, FLOAT if node.id == "numbers" else TRUTH, reads=(table,)), at
        if node.id != "w":
            return self._variable(node.id), at
        if any(isinstance(term, ast.Subscript) for term in terms):
            return CExpression("work", _POINTER, reads=(self.work,)), at
        # Which room it is says the number among the terms.
        *rest, last = terms
        start = last.value if isinstance(last, ast.Constant) else 0
        assert isinstance(start, int)
        which = bisect(self._starts, start) - 1
        part, offset = self.parts[which], start - self._starts[which]
        rest = rest if isinstance(last, ast.Constant) else terms
        within = _sum_of([*rest, ast.Constant(offset)] if offset or not rest else rest)
        return CExpression(part.name, _POINTER, reads=(part,)), self._written.of(within)

    def _terms(self, node: ast.expr) -> list[ast.expr]:
        """Return what an index is the sum of; a number, if there is one, is the last."""
        found, number = [], 0
        for term in _terms(node):
            match term:
                case ast.Constant(value=int(value)):
                    number += value
                case ast.Name(id=name) if name in self._known:
                    number += self._known[name]
                case ast.BinOp(left=ast.Constant(value=int(value)), right=ast.Name(id=name)) if (
                    name in self._known
                ):
                    number += value * self._known[name]
                case _:
                    found.append(term)
        return [*found, ast.Constant(number)] if number or not found else found

    def _element(self, node: ast.expr, index: ast.expr) -> CExpression:
        """Return an element of an array, or what begins with one."""
        if isinstance(index, ast.Slice):
            assert index.lower is not None
            return self._at(node, index.lower)
        array, at = self._array(node, index)
        kind = array.kind if array.kind == TRUTH else FLOAT
        is_number = isinstance(node, ast.Name) and node.id in self.given and not self.given[node.id].lengths
        text = f"*{array.text}" if is_number else f"{array.text}[{at.text}]"
        return CExpression(text, kind, reads=array.reads + at.reads)

    def _at(self, node: ast.expr, index: ast.expr) -> CExpression:
        """Return the address of an element."""
        array, at = self._array(node, index)
        text = array.text if at.text == "0" else f"{array.text} + {at.within(6)}"
        kind = _CONSTANT if "const" in array.kind and "*const" not in array.kind else _POINTER
        kind = _CONSTANT if array.text == "numbers" else kind
        return CExpression(text, kind, 9 if at.text == "0" else 6, array.reads + at.reads)


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what an index is the sum of."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _terms(node.left)
        yield from _terms(node.right)
    else:
        yield node


def _is_of_math(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("math.", "np.", "abs"))


class _Renamed(ast.NodeTransformer):
    """Puts a name in place of a call."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node) == self._text:
            return ast.Name(self._name)
        return self.generic_visit(node)


def _sum_of(terms: Sequence[ast.expr]) -> ast.expr:
    found = terms[0]
    for term in terms[1:]:
        found = ast.BinOp(found, ast.Add(), term)
    return found


def _is_round(start: str, stop: str, step: str) -> bool:
    """Return whether a loop has one round."""
    if not (start.isdigit() and stop.isdigit() and step.isdigit()):
        return False
    return len(range(int(start), int(stop), int(step))) == 1


def _with_remarks(line: str) -> str:
    """Return a line with a remark as a string, which a syntax tree keeps."""
    bare = line.lstrip()
    if not bare.startswith("#"):
        return line
    return line[: len(line) - len(bare)] + repr(bare[2:].replace("×", "x"))


def _changed(name: str, text: str) -> str:
    """Return the rest of an assignment, with the sign of what is done to the variable if it is only that."""
    for sign in "+*":
        rest = text.removeprefix(f"{name} {sign} ")
        if rest != text and not any(f" {other} " in rest for other in ("+", "-", "?", "<", "<=", "==", "/")):
            return f"{sign}= {rest}"
    return f"= {text}"


def _bytes(length: CExpression) -> str:
    if length.kind == TRUTH:
        return f"{length.text} * sizeof(double)"
    return f"(size_t){length.within(8)} * sizeof(double)"


def _declared(kind: str, name: str) -> str:
    return f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"
