from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest
from mutations import files, mutants, sample

ROOT = Path(__file__).parent.parent


def changes(source: str) -> list[str]:
    """Return what the mutants of a module change."""
    return [mutant.change for mutant in mutants("module.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a + b", ["a + b -> a - b"]),
        ("a += b", ["a += b -> a -= b", "a += b -> pass"]),
        ("a < b <= c", ["a < b <= c -> a <= b <= c", "a < b <= c -> a < b < c"]),
        ("a in b", ["a in b -> a not in b"]),
        ("a and not b", ["a and (not b) -> a or not b", "not b -> b"]),
        ("a = [True, 2, -0.5]", ["True -> False", "2 -> 3", "-0.5 -> 0.5", "0.5 -> 1.5"]),
        ("a = b[c:d]", ["c:d -> :d", "c:d -> c:"]),
        ("a = f(b, c)", ["f(b, c) -> f(c, b)"]),
        ("a = f(b, key=c)", ["f(b, key=c) -> f(b)"]),
        ("a = [b for b in c if d]", ["for b in c if d -> for b in c"]),
        ("if a: b = c", ["if a: -> if not a:"]),
        ("a.b = c", ["a.b = c -> pass"]),
        ("del a[b]", ["del a[b] -> pass"]),
        ("for a in b: break", ["break -> continue"]),
        ("def f(): return a", ["return a -> return None"]),
        ("@property\ndef f(self): pass", ["@property f -> f"]),
        ("a = Op(value='x * y', doc='1')", ["Op(value='x * y', doc='1') -> Op(value='x / y', doc='1')"]),
    ],
)
def test_a_change_for_each_kind_of_syntax(source: str, expected: list[str]) -> None:
    """Each operator, jump, number, bound, argument, condition and statement is changed in one way."""
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "def f(a: int | None) -> tuple[int, 1]: pass",
        "raise ValueError(a + 1) from a + b",
        "assert a < b",
        "if TYPE_CHECKING: a = 1",
        "a = isinstance(b, int | str)",
        "@cache\ndef f(): pass",
        "__slots__ = (1, 2)",
        "a = zip(b, strict=True)",
        "a = f(b, b)",
        "a = dot(b, c)",
        '"""1 + 1"""',
    ],
)
def test_no_change_of_what_nobody_could_notice(source: str) -> None:
    """Types, messages, assertions for type checkers and stored results stay as they are."""
    assert set(changes(source)) <= {f"{source} -> pass"}


def test_mutants_are_modules_that_can_be_compiled() -> None:
    """Every change gives a program, no two the same, and leaves the module as it was."""
    source = (ROOT / "nn/optimizers/adagrad.py").read_text("utf-8")
    found = mutants("nn/optimizers/adagrad.py", source)
    texts = {mutant.source() for mutant in found}
    assert len(texts) == len(found) > 10
    assert ast.unparse(found[0].module) == ast.unparse(ast.parse(source)) not in texts
    for text in texts:
        compile(text, "adagrad.py", "exec")


def test_a_sample_depends_on_the_seed_and_on_the_changed_function_alone(tmp_path: Path) -> None:
    """Another function in the file moves no mutant into or out of the sample, as long as it is not drawn."""
    text = "def f(a, b):\n    return a + b - a * b\n"
    (tmp_path / "one.py").write_text(text)
    first = [mutant.key for mutant in sample(tmp_path, ["one.py"], 1, 10)]
    (tmp_path / "one.py").write_text(f"def g(a):\n    return a < 1\n\n\n{text}")
    again = [mutant.key for mutant in sample(tmp_path, ["one.py"], 1, 10) if mutant.function == "f()"]
    other = [mutant.key for mutant in sample(tmp_path, ["one.py"], 2, 10) if mutant.function == "f()"]
    assert again == first
    assert sorted(other) == sorted(first)
    assert other != first


def test_generated_files_have_no_mutants() -> None:
    """What the table generates is changed in the table."""
    found = files(ROOT, ["autograd/engine"])
    assert "autograd/engine/graph.py" in found
    assert "autograd/engine/operators.py" not in found


def test_survivors_of_the_campaign_are_explained() -> None:
    """Of the mutants in the results that are not the original, 95% are killed; the others say why not."""
    with (ROOT / "tests/campaigns/mutants.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["why"].startswith("equivalent")]
    survivors = [row for row in rows if row["outcome"] != "killed"]
    assert [row for row in survivors if not row["why"]] == []
    assert len(survivors) <= 0.05 * len(rows)
