"""A program that uses a bit of everything where there is no network, and nothing can be written.

It is run in processes of its own, also from wheels in environments that have nothing else.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib.util import find_spec
from typing import Any


def refuse(event: str, args: tuple[Any, ...]) -> None:
    """Refuse connections and writes; as an audit hook, so without being root, on any machine."""
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        raise OSError(errno.ENETUNREACH, "there is no network", event)
    # A number is a pipe, to the program that draws.
    is_file = event == "open" and not isinstance(args[0], int) and args[0] != os.devnull
    writes = is_file and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if writes or event in ("os.mkdir", "os.rename", "os.chmod", "tempfile.mkstemp"):
        raise OSError(errno.EROFS, "the file system is read-only", args[0])


def main() -> None:
    """Record, explain, show, compile and train, and print what came out."""
    import nn
    from autograd import Value, draw, explain, grad, jit, stepper, tanh

    x = Value(2.0, label="x")
    y = tanh(x) * x
    y.backward()
    print(explain(y, x).derivative == x.grad, "<html" in stepper(y).html)
    # Without Graphviz, drawings are pages that bring their own.
    print("y" in draw(y).source, len(draw(y).page) > 1_000)
    for backend in ("numpy", *(["numba"] if find_spec("numba") else [])):
        print(backend, jit(grad(lambda w: sum(v * v for v in w)), backend=backend)([1.0, 2.0, 3.0]))
    model = nn.MLP(2, [4, 1], rng=0)
    history = nn.fit(model, [[0.0, 1.0], [1.0, 0.0]], [1.0, 0.0], loss="mse", epochs=3, verbose=0)
    print(len(history.loss), "epochs")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.addaudithook(refuse)
    main()
