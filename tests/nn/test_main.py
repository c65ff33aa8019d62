from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd import Value
from nn import MLP, load, plots
from nn.__main__ import main
from nn.datasets import Dataset, Standardizer, iris, moons, read_csv, train_test_split
from nn.losses import cross_entropy
from nn.metrics import accuracy

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("sklearn")

QUICK = ["--epochs", "1", "--hidden", "4"]
FILES = ["loss.png", "neuron.svg", "weights.npz"]


def pets(unit: int = 1) -> str:
    """Return a CSV file of cats and dogs, with lengths in the given unit."""
    rows = [f"{('dog', 'cat')[i % 2]},{(i + 20 * (i % 2)) * unit},{i % 5 / 7}" for i in range(24)]
    return "\n".join(["kind,length,width", *rows])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which contains only pets.csv."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.csv").write_text(pets())
    return tmp_path


def found_in(text: str, pattern: str) -> str:
    """Return the text matched by the group of a pattern."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None
    return match[1]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Map all files below a folder to their content, and all folders to None."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


def files(folder: Path) -> list[str]:
    """Return the names of the entries of a folder."""
    return sorted(path.name for path in folder.iterdir())


def arrays(folder: Path) -> dict[str, Any]:
    """Return the arrays of the weights file."""
    with np.load(folder / "weights.npz", allow_pickle=False) as archive:
        return dict(archive)


def assert_one_error_line(captured: Any, message: str) -> None:
    """Assert that standard error is exactly one line, an error with the given message."""
    assert captured.out == ""
    assert re.fullmatch(r"error: .+\n", captured.err)
    assert message in captured.err


# ---------------------------------------------------------------------------------------- output files


@pytest.mark.parametrize(
    ("words", "written", "sizes"),
    [
        (["--data", "iris"], FILES, "4-4-3"),
        (["--data", "wine"], FILES, "13-4-3"),
        (["--data", "moons"], ["boundary.png", *FILES], "2-4-2"),
        (["--data", "pets.csv", "--target", "kind"], ["boundary.png", *FILES], "2-4-2"),
        (["--data", "moons", "--hidden"], ["boundary.png", *FILES], "2-2"),
    ],
    ids=["iris", "wine", "moons", "CSV", "no hidden layer"],
)
def test_a_run_writes_its_files(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], written: list[str], sizes: str
) -> None:
    """A run returns status 0 and writes valid plots, graph and weights, and nothing else."""
    out = folder / "out"
    assert main([*QUICK, *words, "--out", "out"]) == 0
    captured = capsys.readouterr()
    assert f"MLP {sizes}, relu, " in captured.out
    assert captured.out.endswith(f"wrote {', '.join(written)} into out\n")
    assert files(out) == written
    assert files(folder) == ["out", "pets.csv"]

    for name in written:
        content = (out / name).read_bytes()
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG\r\n\x1a\n")
            assert b"IEND" in content[-16:]
    assert ElementTree.parse(out / "neuron.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    n_in, *layers = map(int, sizes.split("-"))
    model = MLP(n_in, layers)
    load(out / "weights.npz", model)
    assert f"{len(model.parameters())} parameters" in captured.out


def test_the_written_model_predicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The written weights, means and scales reproduce the printed accuracy."""
    assert main([*QUICK, "--out", "out", "--seed", "3"]) == 0
    train, held_out = train_test_split(iris(), test_size=1 / 3, random_state=3)
    written = arrays(folder / "out")
    np.testing.assert_array_equal(written["input_mean"], train.inputs.mean(axis=0))
    np.testing.assert_array_equal(written["input_scale"], train.inputs.std(axis=0))
    model = MLP(4, [4, 3])
    load(folder / "out" / "weights.npz", model)
    standardize = Standardizer(written["input_mean"], written["input_scale"])
    right = accuracy(model(standardize(held_out.inputs)), held_out.labels)
    assert f"held-out accuracy {right:.1%}" in capsys.readouterr().out


def test_the_unit_of_a_column_does_not_matter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same lengths in another unit give the same weights and the same report."""
    runs = []
    for unit in (1, 1024):
        (folder / "pets.csv").write_text(pets(unit))
        assert main([*QUICK, "--data", "pets.csv", "--target", "kind", "--out", "out"]) == 0
        runs.append((arrays(folder / "out")["values"].tolist(), capsys.readouterr().out))
    assert runs[0] == runs[1]


def test_the_graph_shows_a_neuron_with_gradients(folder: Path) -> None:
    """The graph is the first neuron at the first sample, with the gradients of that sample's loss."""
    assert main([*QUICK, "--data", "pets.csv", "--target", "kind", "--out", "out"]) == 0
    text = " ".join(ElementTree.parse(folder / "out" / "neuron.svg").getroot().itertext())
    model, written, data = MLP(2, [4, 2]), arrays(folder / "out"), read_csv("pets.csv", "kind")
    load(folder / "out" / "weights.npz", model)
    sample = (data.inputs[0] - written["input_mean"]) / written["input_scale"]
    x = [Value(number, name) for number, name in zip(sample, data.features, strict=True)]
    cross_entropy(model(x), int(data.labels[0])).backward()
    for leaf in [*x, *model.layers[0].neurons[0].parameters()]:
        name = leaf.label.removeprefix("layers.0.neurons.0.")
        shown = rf"\s{re.escape(name)}\s+value {leaf.data:.4g}\s+grad {leaf.grad:.4g}\s"
        assert re.search(shown, text), leaf
    assert re.search(r"= relu\(\w+\)\s+value", text)
    assert "layers.1" not in text


def test_the_boundary_is_drawn_in_the_units_of_the_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boundary plot receives the original data and the standardizer of the weights."""
    drawn: list[tuple[Dataset, Standardizer]] = []
    plot = plots.decision_boundary

    def spy(model: MLP, data: Dataset, standardize: Standardizer) -> Any:
        drawn.append((data, standardize))
        return plot(model, data, standardize)

    monkeypatch.setattr(plots, "decision_boundary", spy)
    assert main([*QUICK, "--data", "moons", "--out", "out"]) == 0
    [(data, standardize)] = drawn
    np.testing.assert_array_equal(data.inputs, moons().inputs)
    np.testing.assert_array_equal(standardize.mean, arrays(folder / "out")["input_mean"])
    np.testing.assert_array_equal(standardize.scale, arrays(folder / "out")["input_scale"])


@pytest.mark.parametrize(
    "name", ['say ""hi""', "<b>x</b>", "a\\nb", "{x|y}", "&amp;", "min_$/max_$", "a\\", "C:\\.x:y", "a.b"]
)
def test_names_of_any_signs(folder: Path, name: str) -> None:
    """DataColumn names may contain characters with a meaning in plots or graphs."""
    (folder / "odd.csv").write_text(pets().replace("length", f'"{name}"'))
    assert main([*QUICK, "--data", "odd.csv", "--target", "kind", "--out", "out"]) == 0
    text = "".join(ElementTree.parse(folder / "out" / "neuron.svg").getroot().itertext())
    # The part before a dot is taken for a module, and drawn as a frame around the rest.
    assert all(part in text for part in name.replace('""', '"').split("."))


def test_control_characters(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in names of files, columns and classes are escaped in output and pictures."""
    content = pets().replace("length", "\x1b[31mlength").replace("dog", "\x9b2Jdog")
    (folder / "\x1bodd.csv").write_text(content)
    assert main([*QUICK, "--data", "\x1bodd.csv", "--target", "kind", "--out", "\x1bout"]) == 0
    captured = capsys.readouterr()
    assert not set("\x1b\x9b") & set(captured.out)
    assert all(text in captured.out for text in (r"\x1bodd: 16", r"\x9b2Jdog", r"into \x1bout"))
    text = "".join(ElementTree.parse(folder / "\x1bout" / "neuron.svg").getroot().itertext())
    assert r"\x1b[31mlength" in text


def test_files_of_an_older_run(folder: Path) -> None:
    """Replaced files keep their modes, and symbolic links to files and folders stay links."""
    (folder / "elsewhere").mkdir()
    (folder / "out").symlink_to("elsewhere")
    (folder / "out" / "weights.npz").write_bytes(b"older")
    (folder / "out" / "weights.npz").chmod(0o600)
    (folder / "out" / "loss.png").symlink_to("../loss.png")
    assert main([*QUICK, "--out", "out"]) == 0
    assert (folder / "out").is_symlink()
    assert (folder / "out" / "loss.png").is_symlink()
    assert (folder / "loss.png").read_bytes()[1:4] == b"PNG"
    assert stat.S_IMODE((folder / "elsewhere" / "weights.npz").stat().st_mode) == 0o600
    assert files(folder) == ["elsewhere", "loss.png", "out", "pets.csv"]


def test_a_link_to_a_folder_to_be(folder: Path) -> None:
    """If --out is a link to a missing folder, that folder is created."""
    (folder / "out").symlink_to("later/runs")
    assert main([*QUICK, "--out", "out"]) == 0
    assert files(folder / "later" / "runs") == FILES


def test_a_pipe_where_a_file_is_to_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An output path that cannot be replaced, such as a pipe, is reported before the training."""
    (folder / "out").mkdir()
    os.mkfifo(folder / "out" / "neuron.svg")
    assert main([*QUICK, "--out", "out"]) == 2
    assert_one_error_line(capsys.readouterr(), "neuron.svg': it is a device, a pipe or a socket, not a file")
    assert files(folder) == ["out", "pets.csv"]


def test_the_folder_is_named_after_the_data(folder: Path) -> None:
    """Without --out the files are written to runs/<name of the data>."""
    assert main([*QUICK, "--data", "pets.csv", "--target", "kind"]) == 0
    assert files(folder / "runs") == ["pets"]


def test_other_files_in_the_folder_stay(folder: Path) -> None:
    """A second run replaces the files of the first, and leaves other files alone."""
    out = folder / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "weights.npz").write_text("old")
    assert main([*QUICK, "--out", "out"]) == 0
    assert files(out) == sorted(["notes.txt", *FILES])
    assert (out / "notes.txt").read_text() == "mine"
    assert "values" in arrays(out)


@pytest.mark.parametrize("out", ["a/b/c", ".", "../" + "out"])
def test_a_folder_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    """--out may be new and nested, the working directory, or outside it."""
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    assert main([*QUICK, "--data", "iris", "--out", out]) == 0
    assert files(Path(out)) == FILES


# ------------------------------------------------------------------------------------------ printed output


def test_the_confusion_matrix_counts_the_held_out_samples(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows sum to the held-out samples of each class, the diagonal to the right predictions."""
    assert main([*QUICK, "--out", "out"]) == 0
    out = capsys.readouterr().out
    _, held_out = train_test_split(iris(), test_size=1 / 3, random_state=0)
    rows = {name: list(map(int, found_in(out, rf"^{name} +(.*)$").split())) for name in iris().classes}
    assert [sum(row) for row in rows.values()] == np.bincount(held_out.labels).tolist()
    right = sum(row[label] for label, row in enumerate(rows.values()))
    assert f"held-out accuracy {right / 51:.1%} ({right} of 51)" in out
    assert "iris: 99 samples to train on, 51 held out" in out


def test_the_same_seed_gives_the_same_run(folder: Path) -> None:
    """The weights depend only on the seed."""
    written = []
    for global_seed, seed in enumerate(["7", "7", "8"]):
        np.random.seed(global_seed)  # noqa: NPY002
        assert main([*QUICK, "--seed", seed, "--out", "out"]) == 0
        written.append(arrays(folder / "out"))
    first, second, other = written
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)
    assert not np.array_equal(other["values"], first["values"])


def test_the_defaults_learn_iris(folder: Path) -> None:
    """`python -m nn` alone learns Iris: at least 93% of the held-out flowers are right."""
    # Import the package under test, installed or not.
    environment = os.environ | {"PYTHONPATH": str(Path(nn.__file__).parent.parent)}
    run = subprocess.run(
        [sys.executable, "-m", "nn"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert float(found_in(run.stdout, r"held-out accuracy ([\d.]+)%")) >= 93.0
    assert "Warning" not in run.stderr
    assert files(folder / "runs" / "iris") == FILES


# ---------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "missing.csv"], "missing.csv: cannot be read: No such file or directory"),
        (["--data", "."], "cannot be read: Is a directory"),
        (["--data", ""], "cannot be read"),
        (["--data", "pets.csv"], "pets: 'width' is not a column of classes"),
        (["--data", "pets.csv", "--target", "Kind"], "no column is called 'Kind'"),
        (["--data", "iris", "--target", "kind"], "--target goes with a CSV file, not with iris"),
        (["--epochs", "0"], "--epochs"),
        (["--epochs", "few"], "--epochs: invalid int value: 'few'"),
        (["--lr", "0"], "--lr"),
        (["--lr", "-1"], "--lr"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "fast"], "--lr: invalid float value: 'fast'"),
        (["--hidden", "4", "0"], "--hidden"),
        (["--hidden", "4,4"], "--hidden: invalid int value: '4,4'"),
        (["--activation", "step"], "--activation: invalid choice: 'step'"),
        (["--seed", "-1"], "expected --seed to be at least 0, got -1"),
        (["--seed", "x"], "--seed: invalid int value: 'x'"),
        (["--epoch-count", "3"], "unrecognized arguments: --epoch-count 3"),
        (["iris"], "unrecognized arguments: iris"),
        (["--data"], "--data: expected one argument"),
        (["--out", "pets.csv"], "--out pets.csv: is a file, not a folder"),
        (["--out", "pets.csv/out"], "--out pets.csv/out: cannot be written"),
    ],
    ids=" ".join,
)
def test_bad_input(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    """Bad input returns status 2 with a one-line error, and nothing is written."""
    before = tree(folder)
    assert main(words) == 2
    assert_one_error_line(capsys.readouterr(), message)
    assert tree(folder) == before


def test_a_folder_where_a_file_is_to_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with the name of an output file returns status 2, and no file is written."""
    (folder / "out" / "loss.png").mkdir(parents=True)
    before = tree(folder)
    assert main([*QUICK, "--data", "pets.csv", "--target", "kind", "--out", "out"]) == 2
    assert "loss.png is a folder there" in capsys.readouterr().err
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "bad.csv: is empty"),
        ("x,kind\n1,a\n2,a\n", "column 'kind' holds the one class 'a'"),
        ("x,kind\n1,a\n2,a\n3,b\n", "class 'b' has 1 sample"),
        ("x,kind\n1,a\n,b\n", "bad.csv: row 3, column 'x': the cell is empty"),
    ],
)
def test_bad_files(folder: Path, capsys: pytest.CaptureFixture[str], content: str, message: str) -> None:
    """An unusable data file returns status 2 with a one-line error, and --out is not created."""
    (folder / "bad.csv").write_text(content)
    before = tree(folder)
    assert main(["--data", "bad.csv", "--out", "out"]) == 2
    assert_one_error_line(capsys.readouterr(), message)
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("nn.__main__", "pip install 'chainrule[train]'"),
        ("nn.datasets.real", "pip install 'chainrule[train]'"),
        ("autograd.show.picture.drawing", "pip install 'chainrule[viz]'"),
    ],
    ids=["Matplotlib", "scikit-learn", "Graphviz"],
)
def test_a_tool_that_is_missing(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    message: str,
) -> None:
    """A missing tool is reported before the training, with how to install it."""
    before = tree(folder)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(f"{module}.find_spec", lambda name: None)
    assert main(["--out", "out"]) == 2
    assert_one_error_line(capsys.readouterr(), message)
    assert tree(folder) == before


# ------------------------------------------------------------------------------------------- failed runs


@pytest.mark.parametrize(
    "words",
    [
        ["--lr", "1e6", "--out", "out"],
        ["--lr", "1e6", "--out", "a/b/out"],
        # Only the last step overflows, so no loss shows it.
        ["--data", "pets.csv", "--target", "kind", "--epochs", "1", "--lr", "1e308", "--out", "out"],
    ],
    ids=["early", "in a new folder", "in the last step"],
)
def test_a_training_that_diverges(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """A diverging training returns status 1, the last line says so, and nothing is written."""
    before = tree(folder)
    assert main(words) == 1
    *_, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch("error: .*lower the learning rate.*", last)
    assert tree(folder) == before


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("writer", ["nn.__main__.save", "nn.__main__.plots.loss_curve", "nn.__main__.draw"])
def test_an_interrupted_run_changes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, writer: str, error: BaseException
) -> None:
    """If a file cannot be written, the folder is unchanged, and no other file is left behind."""
    assert main([*QUICK, "--out", "out"]) == 0
    before = tree(folder)
    monkeypatch.setattr("nn.__main__._check_tools", lambda: None)
    monkeypatch.setattr(writer, raiser(error))
    with pytest.raises(type(error)):
        main([*QUICK, "--out", "out", "--seed", "1"])
    assert tree(folder) == before


def raiser(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that raises for any arguments."""

    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise error

    return fail
