"""What mypyc has to know about nodes: a plugin of mypy declares it, and `amended` completes the C.

Nodes refer to their operands only, so they never form cycles. A compiled node is declared *acyclic*: the
cyclic collector does not know it, which saves half of the time of a training step. Users may subclass
`Value`. The source says neither, since both mean something to mypyc alone.

mypyc 2.4.1 leaves three things to do:

- The deallocator of an acyclic class uses the trashcan of CPython 3.11 to 3.13, which frees deep structures
  without recursion. It links the waiting objects by the headers of the cyclic collector, which acyclic ones
  do not have: dropping a chain of 51 nodes would overwrite what lies in front of them in memory. From 3.14
  on there is no trashcan for them. `amended` writes a deallocator that links them by a field of their own.
- An acyclic class has no weak references. `amended` adds the field that they need.
- ``Value.__new__(Value)`` becomes a call of Python's, with tuples for its arguments, which takes 35 of the
  150 ns of an operation. `amended` calls what allocates a node.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy.nodes import Statement
    from mypy.plugin import ClassDefContext, Plugin

_NODES = (
    "autograd.engine.description.Description",
    "autograd.engine.conversions.Conversions",
    "autograd.engine.operators.Operators",
    "autograd.engine.value.Value",
)


def plugin(version: str) -> type[Plugin]:
    """Return the plugin: the name and the argument are those that mypy looks for."""
    from mypy.plugin import Plugin

    class Nodes(Plugin):
        def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
            """Return what declares a class of nodes; mypy calls it before it looks at decorators."""
            return _declare if fullname in _NODES else None

    return Nodes


def _declare(context: ClassDefContext) -> None:
    """Add ``@mypyc_attr("acyclic", "allow_interpreted_subclasses")`` to a class."""
    from mypy.nodes import ARG_POS, GDEF, CallExpr, NameExpr, StrExpr, SymbolTableNode

    api: Any = context.api
    symbol = api.modules["mypy_extensions"].names["mypyc_attr"]
    api.modules[api.cur_mod_id].names["mypyc_attr"] = SymbolTableNode(GDEF, symbol.node)
    words = [StrExpr("acyclic"), StrExpr("allow_interpreted_subclasses")]
    call = CallExpr(NameExpr("mypyc_attr"), [*words], [ARG_POS, ARG_POS], [None, None])
    context.cls.decorators[:] = [call]
    for definition in context.cls.defs.body:
        _take_any_object(definition)


def _take_any_object(definition: Statement, *, is_property: bool = False) -> None:
    """Have what users call take and return any object, as Python has it; mypyc holds it to its annotations.

    So the errors are ours; assigning ``data`` is no call of `float`; and operators return `NotImplemented`.
    """
    from mypy.nodes import Decorator, FuncDef, OverloadedFuncDef
    from mypy.types import AnyType, CallableType, TypeOfAny

    if isinstance(definition, OverloadedFuncDef):  # a property that can be assigned to
        for item in definition.items:
            _take_any_object(item.func if isinstance(item, Decorator) else item, is_property=True)
    elif isinstance(definition, FuncDef) and definition.name != "_record":
        kind = definition.type
        if isinstance(kind, CallableType) and (len(kind.arg_types) > 1 or is_property):
            anything = AnyType(TypeOfAny.explicit)
            types = [*kind.arg_types[:1], *[anything for _ in kind.arg_types[1:]]]
            definition.type = kind.copy_modified(arg_types=types, ret_type=anything)
            definition.unanalyzed_type = definition.type


_STRUCT = re.compile(r"^} (\w+ValueObject);$", re.M)

# mypyc indents the deeper the longer a file is.
_TYPE = re.compile(r"^ *static PyTypeObject (CPyType_\w+)_template_ = \{\n(.*?)^ *\};$", re.M | re.S)

_DEALLOCATOR = re.compile(
    r"""^\ *static\ void\n
    \ *(?P<name>\w+)_dealloc\((?P<struct>\w+)\ \*self\)\n
    \ *\{\n
    \s*CPy_TRASHCAN_BEGIN\(self,\ (?P=name)_dealloc\)\n
    \s*(?P<clear>\w+)\(\(PyObject\ \*\)self\);\n
    \s*Py_TYPE\(self\)->tp_free\(\(PyObject\ \*\)self\);\n
    \s*CPy_TRASHCAN_END\(self\)\n
    \s*done:\ ;\n
    \ *\}$""",
    re.M | re.X,
)

# A waiting node is linked by the pointer to its table of methods, which it needs no more. Instances of
# Python's subclasses have a header, and Python's own deallocator before this one limits how deep they go.
# Only the outermost call frees those that wait: if what it frees did so as well, each 20 nodes would take a
# frame of the stack.
_WITHOUT_TRASHCAN = """\
static int {name}_depth = 0;
static {struct} *{name}_waiting = NULL;

static void
{name}_free({struct} *self)
{{
    PyTypeObject *type = Py_TYPE(self);{forget}
    {clear}((PyObject *)self);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}}

static void
{name}_dealloc({struct} *self)
{{
    if ({name}_depth >= 20 && !PyType_IS_GC(Py_TYPE(self))) {{
        self->vtable = (CPyVTableItem *){name}_waiting;
        {name}_waiting = self;
        return;
    }}
    {name}_depth++;
    {name}_free(self);
    while ({name}_depth == 1 && {name}_waiting != NULL) {{
        self = {name}_waiting;
        {name}_waiting = ({struct} *)self->vtable;
        {name}_free(self);
    }}
    {name}_depth--;
}}"""

_RECORD = re.compile(r"^PyObject \*CPyDef_value___Value____record\([^;{]*\) \{$", re.M)

_ALLOCATION = re.compile(
    r"""PyObject\ \*(?P<args>\w+)\[1\]\ =\ \{(?P<type>\w+)\};\n
    \s*(?P<pointer>\w+)\ =\ \(PyObject\ \*\*\)&(?P=args);\n
    \s*(?P<node>\w+)\ =\ PyObject_Vectorcall\((?P<new>\w+),\ (?P=pointer),\ 1,\ 0\);""",
    re.X,
)

_FORGET = """
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);"""


def amended_header(text: str) -> str:
    """Return mypyc's header with a field for weak references in the structure of `Value`.

    Raises
    ------
    ValueError
        If the header is not as mypyc 2.4.1 writes it.
    """
    if len(_STRUCT.findall(text)) != 1:
        raise ValueError("expected one structure of Value in the header of mypyc, whose form has changed")
    return _STRUCT.sub(r"    PyObject *weak_references;\n} \1;", text)


def amended(text: str) -> str:
    """Return mypyc's C with what it leaves to do.

    Raises
    ------
    ValueError
        If the C is not as mypyc 2.4.1 writes it.
    """
    slots = [re.search(r"\.tp_dealloc = .*?(\w+)_dealloc,", fields) for _, fields in _TYPE.findall(text)]
    flags = [re.search(r"\.tp_flags = (.*),", fields) for _, fields in _TYPE.findall(text)]
    acyclic = {
        slot[1]
        for slot, flag in zip(slots, flags, strict=True)
        if slot and not (flag and "Py_TPFLAGS_HAVE_GC" in flag[1])
    }
    # Both say whether an object has a header: the flags of its type, and what its deallocator does.
    found = {match["name"] for match in _DEALLOCATOR.finditer(text)}
    if acyclic != found or None in flags:
        names = sorted(acyclic ^ found)
        raise ValueError(f"expected other deallocators of {names} in the C of mypyc, whose form has changed")
    text = _DEALLOCATOR.sub(_deallocator, text)
    return _with_direct_allocation(_TYPE.sub(_with_weak_references, text))


def _deallocator(match: re.Match[str]) -> str:
    forget = _FORGET if match["struct"].endswith("ValueObject") else ""
    return _WITHOUT_TRASHCAN.format(**match.groupdict(), forget=forget)


def _with_weak_references(match: re.Match[str]) -> str:
    size = re.search(r"\.tp_basicsize = sizeof\((\w+ValueObject)\),\n", match[2])
    if size is None:
        return match[0]
    offset = f"{size[0]}.tp_weaklistoffset = offsetof({size[1]}, weak_references),\n"
    return match[0].replace(size[0], offset)


def _with_direct_allocation(text: str) -> str:
    definition = _RECORD.search(text)
    if definition is None:
        return text
    begin = definition.start()
    end = text.index("\n}\n", begin) if "\n}\n" in text[begin:] else len(text)
    direct = r"\g<node> = CPyDef_value_____mypyc__Value_setup(\g<type>);"
    body, times = _ALLOCATION.subn(direct, text[begin:end])
    if times != 1:
        raise ValueError("expected one allocation in _record in the C of mypyc, whose form has changed")
    return text[:begin] + body + text[end:]
