import atexit
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from leftovers import Leftovers

# The tests use a separate cache of compiled programs, empty at the start, which the processes of pytest-xdist
# have from the one that starts them: what one compiles the others load.
if "PYTEST_XDIST_WORKER" not in os.environ:
    _cache = tempfile.TemporaryDirectory(prefix="chainrule-")
    # Cleaned up explicitly to avoid a warning; registered first, so after the compiler thread has ended.
    atexit.register(_cache.cleanup)
    os.environ["CHAINRULE_CACHE"] = _cache.name

# Campaigns have a command of their own. The others are programs that tests start in processes of their own,
# on devices that JAX is told of before it is loaded.
collect_ignore = [
    "campaigns",
    "compiler/on_jax/devices_program.py",
    "nn/training_in_two_processes.py",
    "nn/training_on_devices.py",
]

# The settings of all Hypothesis tests; a test only overrides the number of examples. There are no time
# limits, which on a busy machine say nothing about the code, and no database of failures, which would be
# written into the working directory: a failure prints how to reproduce it.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(os.environ["CHAINRULE_CACHE"], "hypothesis")
)
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


def pytest_configure(config: pytest.Config) -> None:
    """Watch what tests leave behind, also the examples in docstrings, which are in other folders."""
    config.pluginmanager.register(Leftovers())


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over all that was imported, which takes it 0.3 s each time."""
    _freeze_imported()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Do so after each file that has imported much: Numba, PyTorch, and whatever else is imported late."""
    is_last = nextitem is None or nextitem.path != item.path
    if is_last and len(sys.modules) > _frozen_modules + 100:
        _freeze_imported()


# How many modules there were when what they hold was frozen.
_frozen_modules = 0


def _freeze_imported() -> None:
    global _frozen_modules
    _frozen_modules = len(sys.modules)
    gc.collect()
    gc.freeze()


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
