"""Programs of JAX on several devices, which one processor pretends to be in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jax")

PROGRAM = Path(__file__).parent / "devices_program.py"
NAMES = ["network", "logistic regression", "scalar loop", "loop that subtracts", "model of nn"]


@pytest.fixture(scope="module")
def found() -> Any:
    """Return what the process has found."""
    # By the environment, as pytest imports the module to look for doctests. To switch between the precisions
    # within a process confuses JAX 0.10 about arrays that it has put on meshes.
    settings = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_ENABLE_X64": "1"}
    environment = os.environ | settings | {"PYTHONPATH": str(PROGRAM.parents[3])}
    process = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, check=False, env=environment
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_devices_changes_no_result(name: str, found: Any) -> None:
    """Value and gradients equal those of NumPy to 4 ulp a summand on 1, 2 and 8 devices."""
    assert [each["devices"] for each in found["programs"][name]] == [1, 2, 8, 8]
    assert max(each["in ulp"] for each in found["programs"][name]) < 4.0


@pytest.mark.parametrize("name", NAMES)
def test_sums_meet_once(name: str, found: Any) -> None:
    """Value and all gradients of a sharded batch take one all-reduce; nothing gathers the batch."""
    for each in found["programs"][name]:
        assert each["all-reduces"] == (each["devices"] > 1)
        assert each["gathered"] == []
        assert each["placed"] == [each["devices"]]


def test_results_of_samples_stay_where_they_are(found: Any) -> None:
    """A result for each sample is sharded as the samples are, on meshes of both kinds."""
    assert found["samples"] == {"AxisType.Auto": ["batch"], "AxisType.Explicit": ["batch"]}


def test_doubles_on_a_mesh_without_a_flag(found: Any) -> None:
    """A call on a mesh computes in double precision though JAX is set to single, also with NumPy's arrays."""
    of_call = found["without a flag"]
    assert (of_call["dtype"], of_call["spec"]) == ("float64", ["batch"])
    assert of_call["difference"] < 1e-15


def test_devices_that_do_not_divide_the_batch(found: Any) -> None:
    """JAX itself refuses to spread a batch over devices that do not divide it, and tells both numbers."""
    assert "partitioned 8 times, but the dimension size is 30" in found["uneven"]
