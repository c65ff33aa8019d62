"""Whether the steps of a training are compiled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from autograd import is_anomaly_enabled

from .compiled_steps import CompiledSteps
from .device_mesh import DeviceMesh
from .eager_steps import EagerSteps, NothingToLearnError
from .sources import SampleSource

if TYPE_CHECKING:
    from .placement import Placement

Steps = EagerSteps | CompiledSteps

# Compiling takes as long as 5 eager steps of a network for digits, and 20 of a single neuron.
_WORTH_COMPILING = 20


def placement_of(
    backend: str | None, mesh: DeviceMesh | None, jit: bool | str, dtype: str = "float64"
) -> Placement | None:
    """Return where the arrays of a training lie, if it runs on the devices of JAX.

    Raises
    ------
    ValueError
        For options that do not go together.
    ImportError
        Where JAX is not installed.

    Examples
    --------
    >>> placement_of("numpy", None, "auto") is None
    True
    """
    if backend not in (None, "numpy", "numba", "jax"):
        raise ValueError(f"expected backend to be 'numpy', 'numba' or 'jax', got {backend!r}")
    if backend is not None and not jit:
        raise ValueError(
            f"expected jit=True with backend={backend!r}, since an eager training has no program"
        )
    if dtype not in ("float64", "float32"):
        raise ValueError(f"expected dtype to be 'float64' or 'float32', got {dtype!r}")
    if backend != "jax":
        if mesh is not None or dtype == "float32":
            given = "a mesh" if mesh is not None else "dtype='float32'"
            raise ValueError(f"{given} goes with backend='jax', got backend={backend!r}")
        return None
    # It loads JAX.
    from .placement import Placement

    return Placement(mesh)


def steps_of(
    jit: bool | str,
    count: float,
    eager: EagerSteps,
    source: SampleSource,
    is_exact: bool,
    backend: str | None = None,
    placement: Placement | None = None,
    is_measured: bool = False,
    dtype: str = "float64",
) -> tuple[Steps, str]:
    """Return an object that does the steps, and the text of `History.how`."""
    if jit not in (True, False, "auto"):
        raise ValueError(f'expected jit to be True, False or "auto", got {jit!r}')
    if not jit:
        return eager, "eager: as was asked for"
    if placement is not None:
        from .device_steps import DeviceSteps

        steps = DeviceSteps(
            *(eager.model, eager.loss, eager.optimizer, eager.clip, eager.draws.rng),
            placement=placement,
            is_measured=is_measured,
            dtype=dtype,
        )
        steps.check(source.first, source.targets)
        return steps, "compiled"
    # What is resumed may have more steps.
    if jit == "auto" and count < _WORTH_COMPILING and not is_exact:
        return eager, f"eager: {count} steps are done sooner than compiled"
    if jit == "auto" and is_anomaly_enabled():
        return eager, "eager: inside of anomaly()"
    # An error in reading them has nothing to do with compiling.
    first, targets = source.first, source.targets
    try:
        compiled = CompiledSteps(
            *(eager.model, eager.loss, eager.optimizer, eager.clip, eager.draws.rng),
            backend="numpy" if is_exact else backend,
        )
        compiled.check(first, targets)
    except NothingToLearnError:
        raise
    except Exception as error:
        if jit is True:
            raise
        # An error that an eager pass over the samples raises as well has nothing to do with compiling.
        for batch in source.known():
            eager.try_out(batch)
        why = f"{type(error).__name__}: {error}"
        warnings.warn(
            f"the training is not compiled ({why}); pass jit=False to train eagerly without this warning",
            stacklevel=3,
        )
        return eager, f"eager: {why}"
    return compiled, "compiled"
