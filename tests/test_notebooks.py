"""The notebooks: what they show of the lecture notes, their exercises, and how they are committed."""

from __future__ import annotations

import doctest
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exercise_answers import EXERCISES, FOLDER, module_of, stored
from test_docs import ID, NOTES, headings

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if not path.name.startswith("10_")]

# Of each id of the notes: in which notebook it is shown, and what is printed there.
SHOWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "A1": ("05", ("[5, 4, 2]",)),
    "A2": ("07", ("(2, 3) (3, 4) + (2, 1) = (2, 4)",)),
    "A3": ("07", ("(4, 3) (3, 2) + (1, 2) = (4, 2)",)),
    "A4": ("02", ("1.8170 · 0.8021 · 1.6000 = 2.3319",)),
    "A5": ("02", ("= 1, ∂/∂z = 1", "= 5, ∂/∂z = 3", "= 2, ∂/∂z = 1", "= 6, ∂/∂z = 0", "= 25, ∂/∂z = 31")),
    "A6": ("02", ("relu'(-2) = 0", "relu'(0) = 0", "relu'(2) = 1")),
    "A7": ("02", ("max(4, 4) passes (1, 0)",)),
    "A8": ("02", ("σ(0) = 0.5, σ' = 0.25", "σ(40) = 1, σ' = 4.24835e-18", "σ(-800) = 0, σ' = 0")),
    "A9": ("03", ("G Zᵀ as backward has it: True (2, 3)", "Xᵀ G as backward has it: True (3, 4)")),
    "A10": ("04", ("least squares: w = 1.531, b = -0.524",)),
    "A11": ("03", ("[-2.5  2.5 -3. ] [-2.5  2.5 -3. ]", "[  5.  -10.5] [  5.  -10.5]")),
    "B1": ("02", ("z = 1.0, ŷ = 1.0",)),
    "B2": ("02", ("J = 8.0, dJ/dŷ = -4.0",)),
    "B3": ("02", ("db = -4.0", "dW = [-4.  0. -8.]", "dx = [-16.  -8.  20.]")),
    "B4": ("02", ("dx      = [-15.   -9.   20.5]", "Wᵀ · dz = [-15.   -9.   20.5]")),
    "C1": ("04", ("active: 4 of 8",)),
    "C2": ("03", ("(84.0, 12.0) = [6·2·7, 3·2²]",)),
    "C3": ("03", ("[[2. 1. 0.]\n [0. 0. 6.]]",)),
    "C4": ("03", ("w + x: ∂/∂w = diag[1. 1. 1.]", "w * x: ∂/∂w = diag[ 8. 16. 32.], ∂/∂x = diag[1. 2. 4.]")),
    "C5": ("03", ("[0.0, 0.0, 1.0]] [1. 1. 1.]", "[0.0, 0.0, 5.0]] [1. 2. 3.]")),
    "C6": ("02", ("2 paths from x to u2", "x → u2: 1", "x → u1 → u2: 1 · 6 = 6")),
    "C7": ("03", ("[1. 1. 1.]", "[5. 5. 5.] 7.0")),
    "C8": ("02", ("1.283353 = 1.283353", "2/x, 3 cos 3x = [ 2.5    -2.2122]")),
    "C9": ("04", ("w·x + b =  0.0: ∂/∂w = [0. 0.], ∂/∂b = 0.0", "∂/∂w = [3. 2.], ∂/∂b = 1.0")),
    "C10": ("04", ("backward:    [ 0.9018 -1.4429] 1.6400", "the formula: [ 0.9018 -1.4429] 1.6400")),
    "C11": ("04", ("w = 5.0000", "w = 3.5000", "w = 2.7500", "w = 2.3750")),
    "D1": ("04", ("∂j/∂z = -0.462570, a - y = -0.462570", "j = 800.0, ∂j/∂z = -1.0")),
    "D2": ("04", ("∂j/∂z = -2.0",)),
    "D3": ("04", ("loop:       [ 0.701  -0.2921 -0.2032 -0.0137]", "vectorised: [-0.2921 -0.2032] -0.0137")),
    "D4": ("04", ("500 weights from 0.000 to 0.997",)),
    "D5": ("05", ("dW: True  db: True",)),
    "D6": ("05", ("shapes: [(3, 7), (5, 7), (4, 7), (2, 7)]", "as the model: True")),
    "D7": ("05", ("layer 1: dW (5, 3) True, db (5, 1) True", "layer 3: dW (2, 4) True, db (2, 1) True")),
    "D8": ("05", ("1.882709 = 1.358614 + 0.524095",)),
    "D9": ("06", ("[0 1 0 0]", "hardmax: [1.0, 0.0, 0.0, 0.0]")),
    "D10": ("06", ("[148.4   7.4   0.4  20.1]", "Σ t = 176.3", "[0.842 0.042 0.002 0.114]")),
    "D11": ("06", ("j = 1.6094", "∂j/∂z = [ 0.3 -0.8  0.1  0.4]", "a - y = [ 0.3 -0.8  0.1  0.4]")),
    "D12": ("06", ("[ 0.133  -0.0353 -0.0018 -0.096 ]",)),
    "E1": (
        "05",
        ("sigmoid with mse", "sigmoid with binary_cross_entropy", "relu    with binary_cross_entropy"),
    ),
    "E2": ("05", ("0.6 · 0.17105", "1 · 0.17105", "0.8 · 0.17105")),
    "E3": ("05", ("sum:              [ 0.1477", "backward:         [ 0.1477")),
    "E4": ("05", ("mean of four gradients = gradient of the mean: True",)),
    "E5": ("05", ("layers.0.neurons.0.w[1]: 0.2170",)),
}


def cells(path: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def source(cell: dict[str, Any]) -> str:
    """Return what stands in a cell."""
    return "".join(cell["source"])


def text_of(cell: dict[str, Any]) -> str:
    """Return what a cell has printed, and the text form of its result."""
    return "\n".join(
        "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for output in cell.get("outputs", [])
    )


def notebook(number: str) -> Path:
    """Return the notebook of a number such as "05"."""
    (found,) = (path for path in NOTEBOOKS if path.name.startswith(number))
    return found


def test_every_id_is_in_the_table() -> None:
    """The table of what is shown has each id of the notes, and no other."""
    assert list(SHOWN) == [item for item in headings(NOTES) if ID.fullmatch(item)]


@pytest.mark.parametrize("item", SHOWN)
def test_each_id_is_shown_with_its_numbers(item: str) -> None:
    """The text cites an id such as (C6), and what a later cell has printed holds the numbers of the notes."""
    number, expected = SHOWN[item]
    own = cells(notebook(number))
    cited = [
        i
        for i, cell in enumerate(own)
        if cell["cell_type"] == "markdown" and re.search(rf"\([A-E\d, ]*\b{item}\b[A-E\d, ]*\)", source(cell))
    ]
    assert cited, f"{item} is not cited"
    printed = "\n".join(map(text_of, own[cited[0] :]))
    assert [text for text in expected if text not in printed] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cited_ids_exist(path: Path) -> None:
    """Each id in brackets, such as (C6) or (D1, D2), is a heading of the notes."""
    text = "\n".join(source(cell) for cell in cells(path) if cell["cell_type"] == "markdown")
    cited = {
        item for group in re.findall(r"\(([A-E]\d+(?:, [A-E]\d+)*)\)", text) for item in group.split(", ")
    }
    assert cited <= set(headings(NOTES))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_with_outputs(path: Path) -> None:
    """All code cells were run in order in a fresh kernel, none has failed, and the file is not too large."""
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds <= {"stream", "execute_result", "display_data"}
    assert path.stat().st_size <= 1_500_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_are_short(path: Path) -> None:
    """No cell is longer than a screen, and a notebook begins with text."""
    assert [source(cell) for cell in cells(path) if source(cell).count("\n") >= 40] == []
    assert cells(path)[0]["cell_type"] == "markdown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    """Links to files of the project have targets."""
    text = "\n".join(source(cell) for cell in cells(path) if cell["cell_type"] == "markdown")
    for link in re.findall(r"\]\(([^()\s]+)\)", re.sub(r"\$[^$]+\$|`[^`]+`", "", text)):
        assert link.startswith("https://") or (FOLDER / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_three_exercises_that_are_not_answered(path: Path) -> None:
    """Each lesson has three exercises, whose committed answer is ``...``, and which says so without error."""
    asked = {}
    for cell in cells(path):
        for name in re.findall(r'^check\("([\d.]+)", answer\)', source(cell), re.MULTILINE):
            assert re.search(r"^answer = \.\.\.", source(cell), re.MULTILINE)
            asked[name] = text_of(cell)
    number = int(path.name[:2])
    assert asked == {f"{number}.{i}": f"Exercise {number}.{i}: not answered yet" for i in (1, 2, 3)}


def test_each_exercise_has_an_answer_here() -> None:
    """The exercises that have answers are those of the notebooks, and what is stored was made from them."""
    assert set(EXERCISES) == {f"{int(path.name[:2])}.{i}" for path in LESSONS for i in (1, 2, 3)}
    answers = module_of("answers")
    written = json.loads(json.dumps(stored(answers.digests)))
    assert written == answers.EXERCISES, "run python tests/exercise_answers.py"


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_pass(name: str) -> None:
    """The right answer is accepted, also as it is on another machine, or typed with four digits."""
    check, answer = module_of("answers").check, EXERCISES[name].answer
    assert repr(check(name, answer)) == f"Exercise {name}: right"
    if not EXERCISES[name].arguments and not isinstance(answer, str):
        numbers = [answer] if isinstance(answer, int | float) else answer
        typed = json.loads(json.dumps(numbers), parse_float=lambda text: float(f"{float(text):.3e}"))
        assert check(name, typed).right


@pytest.mark.parametrize(
    ("name", "mistake"),
    [(name, mistake) for name, exercise in EXERCISES.items() for mistake in exercise.mistakes],
)
def test_wrong_answers_fail_with_a_hint(name: str, mistake: Any) -> None:
    """Wrong numbers, the wrong count of them and functions that raise are not accepted; a hint follows."""
    verdict = module_of("answers").check(name, mistake)
    assert verdict.right is False
    assert repr(verdict).startswith(f"Exercise {name}: not yet, ")
    assert repr(verdict).endswith(EXERCISES[name].hint)


@pytest.mark.parametrize("name", EXERCISES)
def test_what_is_no_answer(name: str) -> None:
    """Three dots are no answer yet; a function for a number, and a number for a function, is told apart."""
    check = module_of("answers").check
    assert check(name, ...).right is None
    wanted = "a function" if EXERCISES[name].arguments else "numbers"
    other = 3.0 if EXERCISES[name].arguments else (lambda: 3.0)
    assert f"expected {wanted}" in repr(check(name, other))


def test_answers_do_not_stand_in_the_open() -> None:
    """What the notebooks' folder holds of an answer are digests: none of its numbers."""
    text = (FOLDER / "exercises.json").read_text(encoding="utf-8")
    for exercise in json.loads(text).values():
        assert all(re.fullmatch("[0-9a-f]{12}", digest) for digest in exercise["digests"])


def test_an_exercise_that_does_not_exist() -> None:
    """An unknown number raises, and says which there are."""
    with pytest.raises(ValueError, match=r"expected an exercise from 1\.1, .*, got '12\.1'"):
        module_of("answers").check("12.1", 3)


@pytest.mark.parametrize("name", ["answers", "side_by_side"])
def test_the_examples_of_the_modules(name: str) -> None:
    """The examples in the docstrings of what the notebooks import are so."""
    results = doctest.testmod(module_of(name))
    assert results.attempted
    assert not results.failed


TABLES = {
    "MICROGRAD": ("micrograd", ()),
    "TORCH": ("torch", ()),
    "TORCH_FUNCTIONS": ("torch", ("TORCH",)),
    "TORCH_NETWORKS": ("torch", ("TORCH",)),
    "JAX": ("jax", ()),
    "JAX_FLOW": ("jax", ("JAX",)),
}


# Of PyTorch, when `torch.func` is first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("name", TABLES)
def test_tables_of_other_libraries(name: str) -> None:
    """What stands at the left of a table gives in its library what ours gives, where that is installed."""
    library, before = TABLES[name]
    pytest.importorskip(library)
    found: dict[str, str] = {}
    for cell in cells(notebook("10")):
        found |= dict(re.findall(r'^(\w+) = """(.*?)"""', source(cell), re.MULTILINE | re.DOTALL))
    assert set(found) - set(TABLES) == {"BEYOND_MICROGRAD"}
    tables = module_of("side_by_side")
    theirs: dict[str, Any] = {}
    ours: dict[str, Any] = {"np": np}
    compared = 0
    for text in [*before, name]:
        for row in tables.rows_of(found[text]):
            left, right = tables.run(row.theirs, theirs), tables.run(row.ours, ours)
            if right is not None and isinstance(left, bool | int | float | list | tuple):
                compared += 1
                np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6, err_msg=row.theirs)
    assert compared >= 4


def test_practice_on_a_graph() -> None:
    """The exercise on a graph in notebook 2 is not answered; right gradients pass, wrong ones do not."""
    (asked, checked) = (source(cell) for cell in cells(notebook("02")) if "question" in source(cell))
    scope: dict[str, Any] = {}
    exec("from autograd import Value, exercise, sigmoid\n" + asked, scope)
    assert eval(checked, scope).all_right is False
    right = {"v2": -1.245, "a": -1.245, "z": -0.2926, "v1": -0.2926, "b": -0.2926, "w": -0.1463, "x": -0.5851}
    assert scope["question"].check(**right).all_right
    wrong = scope["question"].check(**right | {"z": -1.245})
    assert [mark.right for mark in wrong].count(False) == 1
