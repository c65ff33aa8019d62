"""The functions that programs of JAX define where they use them, as text."""

from __future__ import annotations

from collections.abc import Mapping

DEFINITIONS: Mapping[str, str] = {
    "with_partials": '''\
def with_partials(f, *partials):
    """The function f; its tangent is the sum of partial times tangent over the arguments that move."""
    f = jax.custom_jvp(f)

    def push(point, tangents):
        point = [jnp.asarray(x) for x in point]
        out = f(*point)
        total = jnp.zeros_like(out)
        for partial, tangent in zip(partials, tangents):
            if partial is not None and not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                total += partial(*point, out) * tangent
        return out, total

    f.defjvp(push, symbolic_zeros=True)
    return f
''',
    "by_cases": '''\
def by_cases(f, *point):
    """A choice between formulas, of which the other one adds nothing to a derivative, not even 0 * inf."""
    chosen = jax.custom_jvp(f)

    def push(point, tangents):
        out = chosen(*point)
        total = jnp.zeros_like(out)
        for i, (x, tangent) in enumerate(zip(point, tangents)):
            if not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                along = lambda x, i=i: f(*point[:i], x, *point[i + 1 :])
                total += jax.jvp(along, (x,), (jnp.ones_like(x),))[1] * tangent
        return out, total

    chosen.defjvp(push, symbolic_zeros=True)
    return chosen(*point)
''',
    "with_partials_along": '''\
def with_partials_along(f, *partials):
    """The reduction f along an axis; its tangent is the sum of partial times tangent."""

    @functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
    def reduced(axis, *point):
        return f(*point, axis)

    def push(axis, point, tangents):
        out = reduced(axis, *point)
        total = jnp.zeros_like(out)
        for partial, tangent in zip(partials, tangents):
            if not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                total += jnp.sum(partial(*point, jnp.expand_dims(out, axis), axis) * tangent, axis)
        return out, total

    reduced.defjvp(push, symbolic_zeros=True)
    return lambda *point, axis=-1: reduced(axis, *point)
''',
    "apart": '''\
def apart(x):
    """The number itself, which XLA computes by itself: to it x / y / z is x / (y * z), which may overflow."""
    return jax.lax.optimization_barrier(x)
''',
    "unknown": '''\
@jax.custom_jvp
def unknown(x):
    """The number itself, which has a derivative by a rule of its own."""
    return x


@unknown.defjvp
def no_derivative(point, tangents):
    raise NotImplementedError(
        "JAX does not know the rule of a function of custom_jvp or custom_vjp in this program; "
        "differentiate first, and compile what that gives: jit(grad(f), backend='jax')"
    )
''',
    "log1p_of": """\
def log1p_of(x):
    # Of jnp.log1p, XLA computes 0.01 with an error of 100 ulp; and (x + 1.0) - 1.0 is x to it.
    u = jax.lax.optimization_barrier(x + 1.0)
    is_exact = u - 1.0 == x
    return jnp.where(u == 1.0, x, jnp.where(is_exact, jnp.log(u), jnp.log(u) * (x / (u - 1.0))))
""",
    "elementwise": '''\
def elementwise(f):
    """A function of Python, which JAX lacks, on arrays: it is called back for each number."""

    def careful(*numbers):
        try:
            return f(*numbers)
        except OverflowError:
            return np.inf
        except (ArithmeticError, ValueError):
            return np.nan

    def on_arrays(*arrays):
        arrays = jnp.broadcast_arrays(*map(jnp.asarray, arrays))
        found = jax.ShapeDtypeStruct(arrays[0].shape, jnp.result_type(*arrays))
        each = np.vectorize(careful, otypes=[found.dtype])
        return jax.pure_callback(each, found, *arrays, vmap_method="broadcast_all")

    return on_arrays
''',
    "distance": '''\
def distance(x, axis, keepdims, initial):
    """The square root of the sum of squares, none of which overflows."""
    x = jnp.absolute(x)
    top = jnp.max(x, axis, keepdims=True, initial=initial)
    # XLA multiplies by the reciprocal, and takes one that is subnormal for 0.
    largest = jnp.finfo(x.dtype).max / 8.0
    scale = jnp.where((top > 0.0) & (top < jnp.inf), jnp.minimum(top, largest), 1.0)
    found = scale * jnp.sqrt(jnp.sum((x / scale) ** 2, axis, keepdims=True))
    return jnp.where(jnp.any(x == jnp.inf, axis, keepdims=True), jnp.inf, found)
''',
    "picked": '''\
def picked(rows, index, axis):
    """Elements of rows by their index along an axis; 0 for an index beyond the end, of which none is."""
    at = jnp.clip(jnp.nan_to_num(index), 0, rows.shape[axis] - 1).astype(int)
    along = jnp.expand_dims(at.reshape((1,) * (rows.ndim - 1 - at.ndim) + at.shape), axis)
    return jnp.where(at == index, jnp.take_along_axis(rows, along, axis).squeeze(axis), 0.0)
''',
    "added_up": '''\
def added_up(index, numbers, length):
    """For each row of numbers, their sums by index; without those whose index is beyond the end."""
    at = jnp.clip(jnp.nan_to_num(index), 0, length - 1).astype(int)
    numbers = jnp.where(at == index, numbers, 0.0)
    at = jnp.broadcast_to(at, numbers.shape)
    return jax.vmap(lambda at, numbers: jnp.zeros(length, numbers.dtype).at[at].add(numbers))(at, numbers)
''',
    "flat": '''\
def flat(f, x, axis):
    """A function along the last axis, along any axes."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    last = jnp.moveaxis(x, axes, range(-len(axes), 0))
    found = f(last.reshape(*last.shape[: x.ndim - len(axes)], math.prod(last.shape[x.ndim - len(axes) :])))
    return jnp.moveaxis(found.reshape(last.shape), range(-len(axes), 0), axes)
''',
    "products_of_others": '''\
def products_of_others(x, axis):
    """For each factor the product of all others."""

    def along_last(x):
        one = jnp.ones_like(x[..., :1])
        before = jnp.cumprod(jnp.concatenate([one, x[..., :-1]], -1), -1)
        after = jnp.cumprod(jnp.concatenate([one, x[..., :0:-1]], -1), -1)
        return before * after[..., ::-1]

    return flat(along_last, x, axis)
''',
    "first_of": '''\
def first_of(is_it, axis):
    """1 for the first element for which something holds: a tie goes to the first."""
    return flat(lambda is_it: jnp.where(is_it & (jnp.cumsum(is_it, -1) == 1), 1.0, 0.0), is_it, axis)
''',
}
"""By name; each after those that it uses as it is defined."""
