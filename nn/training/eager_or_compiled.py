"""Whether the steps of a training are compiled."""

from __future__ import annotations

import warnings

from autograd import is_anomaly_enabled

from .compiled_steps import CompiledSteps
from .eager_steps import EagerSteps, NothingToLearnError
from .sources import SampleSource

Steps = EagerSteps | CompiledSteps

# Compiling takes as long as 5 eager steps of a network for digits, and 20 of a single neuron.
_WORTH_COMPILING = 20


def steps_of(
    jit: bool | str,
    count: float,
    eager: EagerSteps,
    source: SampleSource,
    is_exact: bool,
) -> tuple[Steps, str]:
    """Return an object that does the steps, and the text of `History.how`."""
    if jit not in (True, False, "auto"):
        raise ValueError(f'expected jit to be True, False or "auto", got {jit!r}')
    if not jit:
        return eager, "eager: as was asked for"
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
            backend="numpy" if is_exact else None,
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
