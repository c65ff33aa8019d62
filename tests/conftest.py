import atexit
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

# The tests use a separate cache of compiled programs, empty at the start.
_cache = tempfile.TemporaryDirectory(prefix="chainrule-")
# Cleaned up explicitly to avoid a warning; registered first, so it runs after the compiler thread has ended.
atexit.register(_cache.cleanup)
os.environ["CHAINRULE_CACHE"] = _cache.name

# Programs that tests start in processes of their own, on devices that JAX is told of before it is loaded.
collect_ignore = [
    "compiler/on_jax/devices_program.py",
    "nn/training_in_two_processes.py",
    "nn/training_on_devices.py",
]

# The settings of all Hypothesis tests; a test only overrides the number of examples. There are no time
# limits, which on a busy machine say nothing about the code, and no database of failures, which would be
# written into the working directory: a failure prints how to reproduce it.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(_cache.name, "hypothesis"))
settings.register_profile(
    "chainrule",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
    print_blob=True,
    stateful_step_count=30,
    max_examples=int(os.environ.get("CHAINRULE_EXAMPLES", "100")),
)
# For campaigns that only ask whether a test fails, not for a small example.
settings.register_profile(
    "unreduced", settings.get_profile("chainrule"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("CHAINRULE_SETTINGS", "chainrule"))


@pytest.fixture(scope="module")
def jax_in_doubles() -> Iterator[None]:
    """Set JAX to double precision and fast compilation during the tests of a module."""
    jax = pytest.importorskip("jax")
    wanted = {"jax_enable_x64": True, "jax_disable_most_optimizations": True}
    before = {name: jax.config.read(name) for name in wanted}
    for name, setting in wanted.items():
        jax.config.update(name, setting)
    yield
    for name, setting in before.items():
        jax.config.update(name, setting)


@pytest.fixture(autouse=True, scope="module")
def jax_as_before() -> Iterator[None]:
    """Fail where a module leaves JAX in another precision, in which all later tests would run."""
    before = _in_doubles()
    yield
    assert _in_doubles() is before, "use the fixture jax_in_doubles, which sets JAX back"


def _in_doubles() -> bool:
    """Return whether JAX computes in doubles, which it does not before somebody asks for it."""
    return "jax" in sys.modules and bool(sys.modules["jax"].config.read("jax_enable_x64"))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start Chromium once for all tests of pages."""
    pytest.importorskip("selenium")
    import chromium

    if chromium.PROGRAM is None or chromium.DRIVER is None:
        pytest.skip("needs chromium and chromedriver on the PATH")
    driver = chromium.started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
