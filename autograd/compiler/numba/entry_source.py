"""The machine code that programs are called through: it reads arguments, and puts results together.

Where other programs run in between, the caches are cold: Python takes 5 us to find eight arrays in lists and
tuples, to look at their shapes and to hand them to machine code, and 3 to make the results. What it looks up
for each byte of its own code has to come from memory then. This takes 1 and 1.5 us.

It is a builtin function. Its ``self`` are bytes, which begin with words that have names, the *context*: which
objects are read, and what is made of the results, is said by the words after these. `entry.py` writes them.
So the machine code is one for all programs, and finds all that it needs of one side by side.

An object that is not as expected is left to Python: the answer is an ellipsis. Whatever could change or drop
objects, as a call of a Python function or giving away the lock of the interpreter, happens after all of them
are read, and the arrays are held by then.
"""

from __future__ import annotations

from .layouts import Layout

CONTEXT = (
    # How many objects a call gives, what has to be empty for them to be read, and the steps that read them.
    "given",
    "scopes",
    "steps",
    "steps_end",
    # The memory to compute in, and where in it stands what is waiting to be read, what is held, what a
    # program is given and what it computes in.
    "works",
    "new_work",
    "waiting",
    "held",
    "words",
    "memory",
    # What a program holds, and what it is.
    "numbers",
    "places",
    "program",
    "failed",
    # The memory of results.
    "lent_results",
    "new_lent",
    "new_others",
    "lengths",
    "lengths_end",
    # The steps that put the result together.
    "builds",
    "builds_end",
    # Objects that there is one of in a process.
    "float_class",
    "float64_class",
    "int_class",
    "bool_class",
    "array_class",
    "dtype",
    "tuple_class",
    "list_class",
    "dict_class",
    "ellipsis",
    # Functions of NumPy's C interface.
    "new_array",
    "set_base",
)
"""The names of the words of a context. Where steps stand and other words, is said from its beginning."""

READS = ("number", "array", "tuple", "list", "dict", "same", "numbers")
"""The steps of reading: what an object has to be."""

BUILDS = ("number", "lent", "other", "tuple", "list", "dict")
"""The steps of putting a result together: what is made next."""

ANY = -1
"""What stands for a length that may be any one; what is less is where an equal one was read."""


def entry_source(layout: Layout) -> str:
    """Return the text of the machine code, for a Python whose objects have their parts at some offsets.

    Examples
    --------
    >>> "HEAD = 16" in entry_source(Layout(kind=8, head=16, items=24, content=32))
    True
    """
    names = [
        *(f"C_{name.upper()} = {8 * at}" for at, name in enumerate(CONTEXT)),
        *(f"READ_{name.upper()} = {at}" for at, name in enumerate(READS)),
        *(f"BUILD_{name.upper()} = {at}" for at, name in enumerate(BUILDS)),
        *(f"{name.upper()} = {offset}" for name, offset in layout.offsets().items()),
        f"PLAIN = {layout.plain}",
        f"OWN = {layout.own}",
        f"ANY = {ANY}",
    ]
    return _HEAD + "\n".join(names) + "\n\n\n" + _FUNCTIONS


_HEAD = '''\
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

WORD, HALF, DOUBLE, STATUS = ir.IntType(64), ir.IntType(32), ir.DoubleType(), ir.IntType(32)
intp, number_type = types.intp, types.float64
inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)


@intrinsic
def word(typing, address):
    """Return the word at an address."""

    def write(context, builder, signature, args):
        return builder.load(builder.inttoptr(args[0], WORD.as_pointer()))

    return intp(intp), write


@intrinsic
def half(typing, address):
    """Return the half of a word at an address."""

    def write(context, builder, signature, args):
        return builder.sext(builder.load(builder.inttoptr(args[0], HALF.as_pointer())), WORD)

    return intp(intp), write


@intrinsic
def double(typing, address):
    """Return the number at an address."""

    def write(context, builder, signature, args):
        return builder.load(builder.inttoptr(args[0], DOUBLE.as_pointer()))

    return number_type(intp), write


@intrinsic
def put(typing, address, word):
    """Put a word at an address."""

    def write(context, builder, signature, args):
        builder.store(args[1], builder.inttoptr(args[0], WORD.as_pointer()))
        return context.get_dummy_value()

    return types.void(intp, intp), write


@intrinsic
def put_double(typing, address, number):
    """Put a number at an address."""

    def write(context, builder, signature, args):
        builder.store(args[1], builder.inttoptr(args[0], DOUBLE.as_pointer()))
        return context.get_dummy_value()

    return types.void(intp, number_type), write


@intrinsic
def computed(typing, program, words, answer):
    """Run a program, and return whether Numba raised in it; what it returns is put at an address."""

    def write(context, builder, signature, args):
        program, words, answer = args
        answers, nothing = WORD.as_pointer(), ir.IntType(8).as_pointer()
        kind = ir.FunctionType(STATUS, [answers, nothing.as_pointer(), WORD])
        raised = builder.alloca(nothing)
        found = builder.call(
            builder.inttoptr(program, kind.as_pointer()),
            [builder.inttoptr(answer, answers), raised, words],
        )
        return builder.sext(found, WORD)

    return intp(intp, intp, intp), write


@intrinsic
def new_array(typing, function, kind, dtype, dimensions, lengths, data):
    """Return an array whose numbers begin at an address, or 0; it drops the dtype."""

    def write(context, builder, signature, args):
        function, kind, dtype, dimensions, lengths, data = args
        made = ir.FunctionType(WORD, [WORD, WORD, HALF, WORD, WORD, WORD, HALF, WORD])
        called = builder.inttoptr(function, made.as_pointer())
        zero, dimensions = WORD(0), builder.trunc(dimensions, HALF)
        return builder.call(called, [kind, dtype, dimensions, lengths, zero, data, HALF(OWN), zero])

    return intp(intp, intp, intp, intp, intp, intp), write


@intrinsic
def set_base(typing, function, array, base):
    """Have an array refer to what has its numbers, and return whether that failed; it drops the base."""

    def write(context, builder, signature, args):
        called = builder.inttoptr(args[0], ir.FunctionType(HALF, [WORD, WORD]).as_pointer())
        return builder.sext(builder.call(called, args[1:]), WORD)

    return intp(intp, intp, intp), write


def python(name, *kinds, answer=intp):
    """Return a function of Python's C interface."""
    return types.ExternalFunction(name, answer(*kinds))


hold, drop = (python(name, intp, answer=types.void) for name in ("Py_IncRef", "Py_DecRef"))
call_nothing, call_with = python("PyObject_CallNoArgs", intp), python("PyObject_CallObject", intp, intp)
new_float, new_integer = python("PyFloat_FromDouble", number_type), python("PyLong_FromSsize_t", intp)
new_tuple, new_list, new_dict = python("PyTuple_New", intp), python("PyList_New", intp), python("PyDict_New")
set_in_tuple = python("PyTuple_SetItem", intp, intp, intp, answer=types.int32)
set_in_list = python("PyList_SetItem", intp, intp, intp, answer=types.int32)
set_in_dict = python("PyDict_SetItem", intp, intp, intp, answer=types.int32)
number_of = python("PyLong_AsDouble", intp, answer=number_type)
has_failed, forget_failure = python("PyErr_Occurred"), python("PyErr_Clear", answer=types.void)
length_of_dict = python("PyDict_Size", intp)
next_of_dict = python("PyDict_Next", intp, intp, intp, intp, answer=types.int32)
size_of_set = python("PySet_Size", intp)
give_lock, take_lock = python("PyEval_SaveThread"), python("PyEval_RestoreThread", intp, answer=types.void)

'''

_FUNCTIONS = '''\
@inner
def unused(items, new):
    """Return an array of a list that nothing refers to but the list, or a new one, or 0 if there is none."""
    for i in range(word(items + HEAD)):
        item = word(word(items + ITEMS_OF_LIST) + 8 * i)
        if half(item + COUNT) == 1:
            hold(item)
            return item
    return call_nothing(new)


@inner
def read_array(c, item, at, words):
    """Read an array; return where the next step stands, or 0 for another array."""
    place, dimensions, at = words + word(at + 8), word(at + 16), at + 24
    if word(item + DTYPE) != word(c + C_DTYPE) or half(item + DIMENSIONS) != dimensions:
        return 0
    if half(item + FLAGS) & PLAIN != PLAIN:
        return 0
    put(place, word(item + HEAD))
    lengths = word(item + SHAPE)
    for i in range(dimensions):
        length, expected = word(lengths + 8 * i), word(at + 8 * i)
        if expected < ANY:
            expected = word(words - expected)
        if expected != length and expected != ANY:
            return 0
        put(place + 8 + 8 * i, length)
    return at + 8 * dimensions


@inner
def read_dict(frame, item, at, free):
    """Read the items of a dict whose keys are certain objects; return whether they are."""
    count = word(at + 8)
    if length_of_dict(item) != count:
        return False
    put(frame, 0)
    for i in range(count):
        if not next_of_dict(item, frame, frame + 8, frame + 16) or word(frame + 8) != word(at + 16 + 8 * i):
            return False
        put(free + 8 * i, word(frame + 16))
    return True


@inner
def read_numbers(c, item, at, words):
    """Read a list of numbers as an array; return whether all of them are."""
    count, place, target = word(at + 8), words + word(at + 16), words + word(at + 24)
    items = word(item + ITEMS_OF_LIST)
    for i in range(count):
        number = word(items + 8 * i)
        if word(number + KIND) != word(c + C_FLOAT_CLASS):
            return False
        put(target + 8 * i, word(number + HEAD))
    put(place, target)
    put(place + 8, count)
    return True


@inner
def read(c, frame):
    """Read the objects of a call; return how many arrays are among them, or -1 if one is not as expected."""
    waiting, held, words = frame + word(c + C_WAITING), frame + word(c + C_HELD), frame + word(c + C_WORDS)
    free, arrays = waiting + 8 * word(c + C_GIVEN), 0
    at, end = c + word(c + C_STEPS), c + word(c + C_STEPS_END)
    while at < end:
        item, step, count = word(waiting), word(at), word(at + 8)
        waiting += 8
        kind = word(item + KIND)
        if step == READ_ARRAY:
            if kind != word(c + C_ARRAY_CLASS):
                return -1
            at = read_array(c, item, at, words)
            if not at:
                return -1
            put(held + 8 * arrays, item)
            arrays += 1
        elif step == READ_NUMBER:
            if kind == word(c + C_FLOAT_CLASS) or kind == word(c + C_FLOAT64_CLASS):
                put(words + count, word(item + HEAD))
            elif kind == word(c + C_INT_CLASS) or kind == word(c + C_BOOL_CLASS):
                put_double(words + count, number_of(item))
                if has_failed():
                    forget_failure()
                    return -1
            else:
                return -1
            at += 16
        elif step == READ_SAME:
            if item != count:
                return -1
            at += 16
        elif step == READ_DICT:
            if kind != word(c + C_DICT_CLASS) or not read_dict(frame, item, at, free):
                return -1
            free += 8 * count
            at += 16 + 8 * count
        else:
            is_tuple = step == READ_TUPLE
            if kind != word(c + (C_TUPLE_CLASS if is_tuple else C_LIST_CLASS)) or word(item + HEAD) != count:
                return -1
            if step == READ_NUMBERS:
                if not read_numbers(c, item, at, words):
                    return -1
                at += 32
            else:
                items = item + ITEMS_OF_TUPLE if is_tuple else word(item + ITEMS_OF_LIST)
                for i in range(count):
                    put(free + 8 * i, word(items + 8 * i))
                free += 8 * count
                at += 16
    return arrays


@inner
def called_with(function, first, count, words):
    """Call a function of Python with whole numbers, the places of which are given."""
    numbers = new_tuple(count)
    if not numbers:
        return 0
    for i in range(count):
        number = new_integer(word(words + word(first + 8 * i)))
        if not number:
            drop(numbers)
            return 0
        set_in_tuple(numbers, i, number)
    found = call_with(function, numbers)
    drop(numbers)
    return found


@inner
def new_others(c, words):
    """Return new memory for the results that have their own, or 0 where there is none."""
    first, end = word(c + C_LENGTHS), word(c + C_LENGTHS_END)
    others = called_with(word(c + C_NEW_OTHERS), c + first, (end - first) // 8, words)
    if others:
        for i in range(word(others + HEAD)):
            put(words + 32 + 8 * i, word(word(others + ITEMS_OF_TUPLE + 8 * i) + HEAD))
    return others


@inner
def new_view(c, memory, at):
    """Return a part of an array as an array, or 0: a step says where it begins, and which lengths it has."""
    array, dtype, dimensions = word(c + C_ARRAY_CLASS), word(c + C_DTYPE), word(at + 16)
    hold(dtype)
    data = word(memory + HEAD) + word(at + 8)
    new = new_array(word(c + C_NEW_ARRAY), array, dtype, dimensions, at + 24, data)
    if new:
        hold(memory)
        if set_base(word(c + C_SET_BASE), new, memory) != 0:
            drop(new)
            return 0
    return new


@inner
def new_container(step, parts, count, keys):
    """Return a container of some objects, which are its own now, or 0 where there is no memory."""
    new = 0
    if step == BUILD_TUPLE:
        new = new_tuple(count)
    elif step == BUILD_LIST:
        new = new_list(count)
    else:
        new = new_dict()
    is_filled = new != 0
    for i in range(count):
        part = word(parts + 8 * i)
        if is_filled and step == BUILD_TUPLE:
            set_in_tuple(new, i, part)
        elif is_filled and step == BUILD_LIST:
            set_in_list(new, i, part)
        else:
            if is_filled and set_in_dict(new, word(keys + 8 * i), part) != 0:
                drop(new)
                new, is_filled = 0, False
            drop(part)
    return new


@inner
def build(c, frame, lent, others):
    """Put the result together, each container once its parts are there; return 0 where there is no memory."""
    words, bottom = frame + word(c + C_WORDS), frame + word(c + C_WAITING)
    at, end, top = c + word(c + C_BUILDS), c + word(c + C_BUILDS_END), bottom
    while at < end:
        step, which = word(at), word(at + 8)
        if step == BUILD_LENT:
            new = new_view(c, lent, at)
            at += 8 + 8 * word(at + 16)
        elif step == BUILD_NUMBER:
            new = new_float(double(words + which))
        elif step == BUILD_OTHER:
            new = word(others + ITEMS_OF_TUPLE + which)
            hold(new)
        else:
            top -= 8 * which
            new = new_container(step, top, which, at + 16)
            if step == BUILD_DICT:
                at += 8 * which
        at += 16
        if not new:
            while top > bottom:
                top -= 8
                drop(word(top))
            return 0
        put(top, new)
        top += 8
    return word(bottom)


@inner
def answer(c, frame):
    """Run the program on what was read, and return its result, or 0 with an exception."""
    words, lent, others, found = frame + word(c + C_WORDS), 0, 0, 0
    if word(c + C_NEW_LENT):
        lent = unused(word(c + C_LENT_RESULTS), word(c + C_NEW_LENT))
        if not lent:
            return 0
        put(words + 24, word(lent + HEAD))
    if word(c + C_NEW_OTHERS):
        others = new_others(c, words)
        if not others:
            drop(lent)
            return 0
    put(words, frame + word(c + C_MEMORY))
    put(words + 8, word(c + C_NUMBERS))
    put(words + 16, word(c + C_PLACES))
    put(frame, 0)
    put(frame + 8, 0)
    lock = give_lock()
    has_raised = computed(word(c + C_PROGRAM), words, frame + 8)
    take_lock(lock)
    if has_raised:
        put(frame + 8, 0)
    if has_failed():
        # By Ctrl-C, which the program has looked for.
        found = 0
    elif has_raised or word(frame + 8):
        # That it stands 0 bytes from there is what the first word says.
        found = called_with(word(c + C_FAILED), frame, 1, frame + 8)
    else:
        found = build(c, frame, lent, others)
    drop(lent)
    drop(others)
    return found


def program(own, objects, count):
    """Answer a call: what a builtin function does, given its ``self`` and what it is called with."""
    c = own + CONTENT
    scopes, left = word(c + C_SCOPES), word(c + C_ELLIPSIS)
    if count != word(c + C_GIVEN) or (scopes and size_of_set(scopes)):
        hold(left)
        return left
    work = unused(word(c + C_WORKS), word(c + C_NEW_WORK))
    if not work:
        return 0
    frame = word(work + HEAD)
    waiting, held = frame + word(c + C_WAITING), frame + word(c + C_HELD)
    for i in range(count):
        put(waiting + 8 * i, word(objects + 8 * i))
    arrays = read(c, frame)
    if arrays < 0:
        found = left
        hold(found)
    else:
        for i in range(arrays):
            hold(word(held + 8 * i))
        found = answer(c, frame)
        for i in range(arrays):
            drop(word(held + 8 * i))
    drop(work)
    return found
'''
