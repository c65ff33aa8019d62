"""``python -m benchmarks.communication``: what a training step on several devices sends, by its compiled HLO.

Two cores show no speed-up of eight devices; what the compiler has them exchange is exact, and the same on
any machine. The batch a device is constant (weak scaling), the parameters are on all of them, and the step is
that of `large_batch`. Each number of devices is a process of its own, which forces the host to be so many.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

DEVICES = (1, 2, 4, 8)
A_DEVICE = (1_000, 10_000)
"""How many samples a device has: what is sent should not depend on it."""

_BYTES = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "s64": 8, "s32": 4, "u32": 4, "s8": 1, "u8": 1, "pred": 1}
_COLLECTIVE = re.compile(
    r"^.*? = (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\(", re.M
)
_ARRAY = re.compile(r"(\w+)\[([\d,]*)\]")


class Collective(NamedTuple):
    """An exchange between devices: its kind, and the bytes of the arrays that a device gets from it."""

    kind: str
    size: int


def collectives(hlo: str) -> list[Collective]:
    """Return the exchanges in the text of a compiled program.

    Examples
    --------
    >>> collectives("  %x = (f64[16,2]{1,0}, f64[]) all-reduce(%a, %b), replica_groups={{0,1}}")
    [Collective(kind='all-reduce', size=264)]
    >>> collectives("  %y = f64[8]{0} add(%all-reduce, %b)")
    []
    """
    return [
        Collective(found[2], sum(_bytes(*array) for array in _ARRAY.findall(found[1])))
        for found in _COLLECTIVE.finditer(hlo)
    ]


def _bytes(dtype: str, lengths: str) -> int:
    return _BYTES[dtype] * prod(int(length) for length in lengths.split(",") if length)


class Sent(NamedTuple):
    """What a step on some devices sends.

    Attributes
    ----------
    devices, samples : int
        How many devices there are, and how many samples each has.
    parameters : int
        The bytes of all parameters.
    value : float
        The value of the loss.
    exchanges : list of Collective
        What they exchange.
    """

    devices: int
    samples: int
    parameters: int
    value: float
    exchanges: Sequence[Collective]

    def of(self, kind: str) -> list[int]:
        """Return the bytes of the exchanges of a kind."""
        return [exchange.size for exchange in self.exchanges if exchange.kind == kind]


def measured(devices: int, samples: int) -> Sent:
    """Return what a step sends, in a process that has so many devices already."""
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    from autograd import jit
    from benchmarks import moons
    from benchmarks.cases.large_batch import training_step

    mesh = jax.make_mesh((devices,), ("batch",))
    batched, everywhere = (NamedSharding(mesh, PartitionSpec(*names)) for names in (("batch",), ()))
    step = jit(training_step, backend="jax")
    with jax.enable_x64(True):
        x, y = (jax.device_put(array, batched) for array in moons.points(devices * samples // 2))
        layers: Any = jax.device_put(moons.parameters(), everywhere)
        whole = jax.jit(lambda *args: step(*args), out_shardings=everywhere)
        compiled = whole.lower(layers, x, y).compile()
        value, _ = compiled(layers, x, y)
    size = sum(array.nbytes for layer in moons.parameters() for array in layer)
    return Sent(devices, samples, size, float(value), collectives(compiled.as_text() or ""))


def on(devices: int, samples: int) -> Sent:
    """Return what a step sends on so many devices, from a process of its own."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    command = [sys.executable, "-m", "benchmarks.communication", str(devices), str(samples)]
    environment = os.environ | {"XLA_FLAGS": flags.strip(), "JAX_PLATFORMS": "cpu"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = Sent(*json.loads(process.stdout))
    return found._replace(exchanges=[Collective(*exchange) for exchange in found.exchanges])


def row(sent: Sent) -> str:
    """Return a row of the table in Markdown.

    Examples
    --------
    >>> row(Sent(8, 1000, 2696, 1.125, [Collective("all-reduce", 2704)]))
    '| 8 | 1,000 | 8,000 | 2,696 | 1 | 2,704 | 0 | 1.125 |'
    """
    reduced = sent.of("all-reduce")
    others = len(sent.exchanges) - len(reduced)
    cells = [
        *(
            f"{number:,}"
            for number in (sent.devices, sent.samples, sent.devices * sent.samples, sent.parameters)
        ),
        *(str(len(reduced)), f"{sum(reduced):,}", str(others), f"{sent.value:.6g}"),
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    *("devices", "samples a device", "samples", "bytes of parameters", "all-reduces"),
    *("bytes all-reduced", "other collectives", "loss"),
)


def main(*words: str) -> None:
    """Print the table; with a number of devices and of samples, what they send, as JSON."""
    if words:
        print(json.dumps(measured(*map(int, words))))
        return
    print(f"| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
    for samples in A_DEVICE:
        for devices in DEVICES:
            print(row(on(devices, samples)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
