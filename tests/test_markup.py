"""Names that are markup, formulas or code stay text wherever they are shown.

The campaign ``markup`` tries more of them, on more surfaces, and in a browser.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import jit
from autograd.printable import in_comment
from nn import MLP
from nn.datasets import Preprocessing, moons
from nn.export import to_c, to_numpy

campaign: Any = import_module("campaigns.markup")

SOME = ['</script><img src=x onerror=alert(1)>\\evil$^^5c*/ """ \'];', "\x1b[31m\u202e*\\\n/ int evil;"]


@pytest.mark.parametrize("payload", SOME, ids=["markup", "controls"])
@pytest.mark.parametrize("surface", ["graphs", "tables", "messages"])
def test_names_stay_text(surface: str, payload: str) -> None:
    """What is shown with a hostile name is made of the same parts as with a harmless one."""
    assert [wrong for wrong, _ in campaign.explained(surface, payload) if wrong] == []


ENDS = ["*/", "**/", "*\\", "*\\\n/", "*??/", "/*/", "*/*/", "*\x1b", "\\*/", "??/", "*\x00/"]


@pytest.mark.parametrize("text", ENDS, ids=ascii)
def test_a_comment_has_no_end_in_it(text: str) -> None:
    """No text ends a comment of C, or begins another line or comment in it."""
    for whole in (text, f"a{text}b", text * 3):
        plain = in_comment(whole)
        assert not {"*/", "/*", "\\", "\n", "??"} & {plain[i : i + 2] for i in range(len(plain))}
        assert "\\" not in plain
        assert plain.isprintable()


def test_keys_in_a_header(tmp_path: Path) -> None:
    """The keys of a dict stand in a header as comments, and its name must be one that C can include."""
    f = jit(lambda p: p["*/ int evil(void); /*"] * 2.0 + p["*\\\n/ int evil2;"], "numpy")
    f({"*/ int evil(void); /*": 1.0, "*\\\n/ int evil2;": 2.0})
    f.to_c(tmp_path / "f.c")
    header = (tmp_path / "f.h").read_text()
    assert header.count("/*") == header.count("*/") == 5
    assert "* / int evil(void); / *" in header
    for name in ['a"b.c', "a\n#include <b>.c", "a\\b.c"]:
        with pytest.raises(ValueError, match="expected the name of a file that C can include"):
            f.to_c(tmp_path / name)


@pytest.mark.parametrize("name", ["*/ int evil; /*", "*\\", "*\x1b", '"""\nimport evil\n"""', "\\"])
def test_columns_and_classes_in_exported_models(name: str) -> None:
    """Names of columns, and those of classes of the user's own, end no comment and no docstring."""
    data = moons(20)
    model = type(name, (MLP,), {})(2, [2], rng=0)
    preprocessing = Preprocessing.of(data)
    object.__setattr__(preprocessing, "classes", (name, "other"))
    source = to_c(model, preprocessing=preprocessing)
    assert source.count("/*") == source.count("*/") == to_c(MLP(2, [2], rng=0)).count("*/")
    namespace: dict[str, Any] = {}
    exec(to_numpy(model, preprocessing=preprocessing), namespace)
    assert np.shape(namespace["predict"]([1.0, 2.0])) == (2,)
