import atexit
import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The tests compile into a cache of their own, which is empty when they begin.
_cache = tempfile.TemporaryDirectory(prefix="chainrule-")
# Told, since left alone it would warn; and last, when the thread that compiles has ended.
atexit.register(_cache.cleanup)
os.environ["CHAINRULE_CACHE"] = _cache.name

# The one policy of all Hypothesis tests; a test itself only says how many examples it wants, if not these.
# No time limits: on a busy machine they say nothing about the code. No database of failures, which would be
# written into the working directory: a failure prints what reproduces it.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(_cache.name, "hypothesis"))
settings.register_profile(
    "chainrule",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
    print_blob=True,
    max_examples=int(os.environ.get("CHAINRULE_EXAMPLES", "100")),
)
settings.load_profile("chainrule")


@pytest.fixture(scope="module")
def jax_in_doubles() -> Iterator[None]:
    """Let JAX compute in double precision, and compile quickly, while the tests of a module run."""
    jax = pytest.importorskip("jax")
    wanted = {"jax_enable_x64": True, "jax_disable_most_optimizations": True}
    before = {name: jax.config.read(name) for name in wanted}
    for name, setting in wanted.items():
        jax.config.update(name, setting)
    yield
    for name, setting in before.items():
        jax.config.update(name, setting)
