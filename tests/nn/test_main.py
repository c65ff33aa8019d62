from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import numpy as np
import pytest

import nn
from autograd import Value, arctan2, data
from autograd.installation import description
from nn import MLP, fit, load, plots, save
from nn.datasets import (
    Dataset,
    Preprocessing,
    Standardizer,
    iris,
    moons,
    read_csv,
    train_test_split,
)
from nn.losses import cross_entropy
from nn.metrics import accuracy
from nn.optimizers import OPTIMIZERS
from nn.optimizers.schedules import SCHEDULES
from nn.saving import read_archive, read_model, write_archive
from nn.terminal import main
from nn.training.callbacks import Callback, Training

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("sklearn")

# A bounded activation would not overflow.
LAST_STEP = [
    *("--data", "pets.csv", "--target", "kind", "--epochs", "1", "--lr", "1e308"),
    *("--activation", "relu"),
]

QUICK = ["--epochs", "1", "--hidden", "4"]
FILES = ["checkpoint.npz", "loss.png", "neuron.svg", "weights.npz"]


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


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take half the time of a short run."""
    monkeypatch.setattr("nn.terminal.training_run.write_pictures", lambda *arguments: None)


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


def preprocessing(folder: Path) -> Preprocessing:
    """Return what the inputs of the written model go through."""
    found = read_model(folder / "weights.npz").preprocessing
    assert isinstance(found, Preprocessing)
    return found


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
    assert f"MLP {sizes}, tanh, " in captured.out
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
    written = preprocessing(folder / "out")
    np.testing.assert_array_equal(written.standardize.mean, train.inputs.mean(axis=0))
    np.testing.assert_array_equal(written.standardize.scale, train.inputs.std(axis=0))
    model = load(folder / "out" / "weights.npz")
    right = accuracy(model(written(held_out.inputs)), held_out.labels)
    assert f"held-out accuracy {right:.1%}" in capsys.readouterr().out


@pytest.mark.usefixtures("without_pictures")
def test_the_unit_of_a_column_does_not_matter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same lengths in another unit give the same weights and the same report."""
    runs = []
    for unit in (1, 1024):
        (folder / "pets.csv").write_text(pets(unit))
        assert main([*QUICK, "--data", "pets.csv", "--target", "kind", "--out", "out", "--overwrite"]) == 0
        runs.append((arrays(folder / "out")["values"].tolist(), capsys.readouterr().out))
    assert runs[0] == runs[1]


def test_the_graph_shows_a_neuron_with_gradients(folder: Path) -> None:
    """The graph is the first neuron at the first sample, with the gradients of that sample's loss."""
    assert main([*QUICK, "--data", "pets.csv", "--target", "kind", "--out", "out"]) == 0
    text = " ".join(ElementTree.parse(folder / "out" / "neuron.svg").getroot().itertext())
    model, data = MLP(2, [4, 2]), read_csv("pets.csv", "kind")
    load(folder / "out" / "weights.npz", model)
    sample = preprocessing(folder / "out")(data.inputs[:1])[0]
    x = [Value(number, name) for number, name in zip(sample, data.features, strict=True)]
    cross_entropy(model(x), int(data.labels[0])).backward()
    for leaf in [*x, *model.layers[0].neurons[0].parameters()]:
        name = leaf.label.removeprefix("layers.0.neurons.0.")
        shown = rf"\s{re.escape(name)}\s+value {leaf.data:.4g}\s+grad {leaf.grad:.4g}\s"
        assert re.search(shown, text), leaf
    assert re.search(r"= tanh\(\w+\)\s+value", text)
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
    written = preprocessing(folder / "out").standardize
    np.testing.assert_array_equal(standardize.mean, written.mean)
    np.testing.assert_array_equal(standardize.scale, written.scale)


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
    assert main([*QUICK, "--out", "out", "--overwrite"]) == 0
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
    assert main([*QUICK, "--out", "out", "--overwrite"]) == 2
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
    assert main([*QUICK, "--out", "out", "--overwrite"]) == 0
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


@pytest.mark.usefixtures("without_pictures")
def test_the_same_seed_gives_the_same_run(folder: Path) -> None:
    """The weights depend only on the seed."""
    written = []
    for global_seed, seed in enumerate(["7", "7", "8"]):
        np.random.seed(global_seed)  # noqa: NPY002
        assert main([*QUICK, "--seed", seed, "--out", "out", "--overwrite"]) == 0
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
        (
            ["--data", "pets.csv", "--task", "regression", "--target", "kind"],
            "row 2, column 'kind': 'dog' is not",
        ),
        (["--data", "irsi"], "--data irsi: there is no such file; did you mean iris?"),
        (["--data", "moons", "--missing", "mean"], "--missing goes with a CSV file, not with moons"),
        (["--batch-size", "0"], "--batch-size"),
        (["--l2", "-1"], "expected --l2 to be at least 0, got -1.0"),
        (["--l2", "inf"], "--l2"),
        (["--val", "1"], "expected --val to be between 0 and 1, got 1.0"),
        (["--early-stopping", "0"], "expected --early-stopping to be at least 1, got 0"),
        (
            ["--optimizer", "lbfgs", "--batch-size", "8"],
            "--batch-size does not go with lbfgs",
        ),
        (["--schedule", "slow"], "--schedule: invalid choice: 'slow'"),
        (["--optimizer", "newton"], "--optimizer: invalid choice: 'newton'"),
        (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["--resume", "runs/none"], "--resume runs/none: checkpoint.npz cannot be read: No such file"),
        (["--resume", "pets.npz", "--lr", "0.1"], "--lr goes with a new run; --resume takes that of the run"),
        (["trian"], "unrecognized arguments: trian (did you mean train?); the commands are train, predict"),
        (["predict"], "the following arguments are required: MODEL, FILE.csv"),
        (["predict", "none.npz", "pets.csv"], "none.npz: cannot be read: No such file or directory"),
        (["evaluate", ".", "pets.csv"], "weights.npz: cannot be read: No such file or directory"),
        (["evaluate", "pets.csv", "pets.csv"], "'pets.csv' does not hold the parameters of a model"),
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
        (["iris"], "unrecognized arguments: iris (did you mean --data iris?)"),
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
    words = ["--data", "pets.csv", "--target", "kind", "--out", "out", "--overwrite"]
    assert main([*QUICK, *words]) == 2
    assert "loss.png is a folder there" in capsys.readouterr().err
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "bad.csv: is empty"),
        ("x,kind\n1,a\n2,a\n", "column 'kind' holds the one class 'a'"),
        ("x,kind\n1,a\n2,a\n3,b\n", "class 'b' has 1 sample"),
        ("x,y\n1,0.5\n", "bad: has 1 sample; it takes two or more to split"),
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
        ("nn.terminal.pictures", "pip install 'chainrule[train]'"),
        ("nn.datasets.real", "pip install 'chainrule[train]'"),
        ("autograd.show.picture.layout", "pip install 'chainrule[viz]'"),
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
        ["--optimizer", "sgd", "--lr", "1e6", "--out", "out"],
        ["--optimizer", "sgd", "--lr", "1e6", "--out", "a/b/out"],
        # Only the last step overflows, so no loss shows it.
        [*LAST_STEP, "--out", "out"],
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


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (OSError("no space left on device"), 1, "error: no space left on device"),
        (KeyboardInterrupt(), 130, "interrupted: nothing is written"),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "writer", ["nn.terminal.training_run.save", "nn.plots.loss_curve", "nn.terminal.pictures.draw"]
)
def test_a_run_that_cannot_write_changes_nothing(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    writer: str,
    error: BaseException,
    status: int,
    line: str,
) -> None:
    """If a file cannot be written, the folder is unchanged, and no other file is left behind."""
    (folder / "out").mkdir()
    for name in FILES:
        (folder / "out" / name).write_text("older")
    before = tree(folder)
    monkeypatch.setattr("nn.terminal.training_run.check_tools", lambda: None)
    monkeypatch.setattr(writer, raiser(error))
    assert main([*QUICK, "--out", "out", "--overwrite", "--seed", "1"]) == status
    assert capsys.readouterr().err.splitlines()[-1] == line
    assert tree(folder) == before


def raiser(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that raises for any arguments."""

    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise error

    return fail


class Interrupt(Callback):
    """Raises as Ctrl-C does, after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, training: Training) -> None:
        """Interrupt at the end of the last."""
        if training.epoch == self.epochs:
            raise KeyboardInterrupt


def interrupt_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Let the training be interrupted after some epochs."""

    def interrupted(*arguments: Any, callbacks: list[Callback], **options: Any) -> Any:
        return fit(*arguments, callbacks=[*callbacks, Interrupt(epochs)], **options)

    monkeypatch.setattr("nn.terminal.runs.fit", interrupted)


PETS = ["--data", "pets.csv", "--target", "kind", "--hidden", "4"]


@pytest.mark.parametrize(
    ("extra", "resumed"),
    [([], "parts"), (["--val", "0.3", "--schedule", "cosine"], "parts/checkpoint.npz")],
    ids=["", "watched"],
)
def test_a_run_goes_on_after_an_interrupt(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    extra: list[str],
    resumed: str,
) -> None:
    """After Ctrl-C the model is written, one line says so, and --resume ends with the same numbers."""
    assert main([*PETS, *extra, "--epochs", "6", "--out", "whole"]) == 0
    whole = capsys.readouterr().out.splitlines()
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        assert main([*PETS, *extra, "--epochs", "6", "--out", "parts"]) == 130
    captured = capsys.readouterr()
    names = ", ".join(["boundary.png", *FILES])
    line = f"interrupted after epoch 3: wrote {names} into parts; go on with --resume parts"
    assert captured.err.splitlines()[-1] == line
    assert "held-out accuracy" not in captured.out
    assert len(load(folder / "parts" / "weights.npz").parameters()) == 22
    # The last checkpoint may be of the epoch before, which is done again.
    assert main(["--resume", resumed]) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == whole[:-1]
    np.testing.assert_array_equal(arrays(folder / "parts")["values"], arrays(folder / "whole")["values"])


@pytest.mark.usefixtures("without_pictures")
def test_a_run_goes_on_for_more_epochs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that has ended goes on with --epochs, into another folder with --out."""
    assert main([*PETS, "--epochs", "6", "--out", "whole"]) == 0
    assert main([*PETS, "--epochs", "2", "--out", "parts"]) == 0
    capsys.readouterr()
    before = tree(folder / "parts")
    assert main(["--resume", "parts", "--epochs", "6", "--out", "longer", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert tree(folder / "parts") == before
    np.testing.assert_array_equal(arrays(folder / "longer")["values"], arrays(folder / "whole")["values"])


@pytest.mark.usefixtures("without_pictures")
def test_a_run_does_not_go_on_with_other_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose file has changed is not gone on with, and nothing is written."""
    assert main([*PETS, "--epochs", "1", "--out", "out"]) == 0
    (folder / "pets.csv").write_text(pets(2))
    before = tree(folder)
    capsys.readouterr()
    assert main(["--resume", "out", "--epochs", "2", "--quiet"]) == 2
    assert_one_error_line(capsys.readouterr(), "the data are not those that the run began with")
    assert tree(folder) == before


def test_an_interrupt_before_the_first_epoch(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C before there is anything to write writes nothing."""
    monkeypatch.setattr("nn.terminal.runs.fit", raiser(KeyboardInterrupt()))
    before = tree(folder)
    assert main([*PETS, "--out", "out"]) == 130
    assert capsys.readouterr().err == "interrupted: nothing is written\n"
    assert tree(folder) == before


def test_an_interrupt_in_the_first_epoch(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training that ends without an epoch writes nothing; an error of its own is no error of the user's."""
    before = tree(folder)
    monkeypatch.setattr("nn.terminal.runs.fit", lambda *arguments, **options: nn.History(ended="interrupted"))
    assert main([*PETS, "--out", "out"]) == 130
    assert capsys.readouterr().err == "interrupted: nothing is written\n"
    monkeypatch.setattr("nn.terminal.runs.fit", raiser(ValueError("not foreseen")))
    with pytest.raises(ValueError, match="not foreseen"):
        main([*PETS, "--out", "out"])
    assert tree(folder) == before


def test_a_folder_that_cannot_be_made(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names it, and says why, before the training."""
    refuse = raiser(OSError(30, "Read-only file system"))
    monkeypatch.setattr("nn.terminal.output_folder.unfinished_folder", refuse)
    assert main([*PETS, "--out", "out"]) == 2
    assert_one_error_line(capsys.readouterr(), "--out out: cannot be written: Read-only file system")


def test_a_closed_pipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody reads any more, the command ends, and Python has nothing to complain about."""
    monkeypatch.setattr("nn.terminal.command.read_options", raiser(BrokenPipeError()))
    with open(folder / "pipe", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["predict", "out", "new.csv"]) == 1
        stream.write("is not kept")
    assert (folder / "pipe").read_text() == ""


# ------------------------------------------------------------------------------------------ older runs


def test_a_new_run_does_not_overwrite(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run has a folder of its own; one that is named is replaced only on request."""
    for _ in range(3):
        assert main([*PETS, "--epochs", "1"]) == 0
    assert files(folder / "runs") == ["pets", "pets-2", "pets-3"]
    assert "into runs/pets-3\n" in capsys.readouterr().out
    before = tree(folder)
    assert main([*PETS, "--epochs", "1", "--out", "runs/pets"]) == 2
    assert_one_error_line(
        capsys.readouterr(), "--out runs/pets: an older run is there (loss.png, weights.npz, "
    )
    assert tree(folder) == before
    assert main([*PETS, "--epochs", "1", "--seed", "1", "--overwrite"]) == 0
    assert files(folder / "runs") == ["pets", "pets-2", "pets-3"]
    assert tree(folder) != before


# ---------------------------------------------------------------------------------- options of a training


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(folder: Path, name: str) -> None:
    """Each optimizer trains by its name, with the options of a run; there are no checkpoints of L-BFGS."""
    is_lbfgs = name == "lbfgs"
    words = ["--l2", "0", "--early-stopping", "2", "--quiet", *([] if is_lbfgs else ["--batch-size", "4"])]
    assert main([*PETS, "--epochs", "2", "--optimizer", name, *words, "--out", "out"]) == 0
    assert files(folder / "out") == ["checkpoint.npz", "weights.npz"][is_lbfgs:]


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Each schedule changes the learning rate by its name."""
    assert main([*PETS, "--epochs", "3", "--schedule", name, "--out", "out"]) == 0
    assert f"adam ({name} schedule), seed 0" in capsys.readouterr().out


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("name", ["linear", "diabetes"])
def test_a_regression(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Of a regression R2 and the errors in the target's unit are printed."""
    assert main(["--data", name, "--hidden", "--epochs", "30", "--out", "out"]) == 0
    out = capsys.readouterr().out
    assert float(found_in(out, r"^held-out R2 ([\d.]+), mean")) > {"linear": 0.95, "diabetes": 0.35}[name]
    assert "regression of" in out
    assert files(folder / "out") == ["checkpoint.npz", "weights.npz"]


@pytest.mark.usefixtures("without_pictures")
def test_early_stopping(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With early stopping a fifth is watched, and the model is that of the best epoch."""
    words = ["--early-stopping", "1", "--lr", "0.5", "--out", "out"]
    assert main(["--data", "moons", "--hidden", "4", *words]) == 0
    out = capsys.readouterr().out
    assert "moons: 108 samples to train on, 26 to watch, 66 held out" in out
    assert re.search(r"^no better val_loss for 1 epochs; the model is that of epoch \d+$", out, re.MULTILINE)


def test_the_help_shows_defaults_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Each option with a default shows it, and three examples follow."""
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for option, default in [("data", "iris"), ("lr", "0.01; of sgd 0.05"), ("hidden", "32"), ("seed", "0")]:
        assert re.search(rf"--{option} [^()]*\(default: {default}\)", text), option
    assert text.partition("examples: ")[2].count("python -m nn ") == 3


def test_the_examples_of_the_help_are_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The three examples run, one after the other."""
    with pytest.raises(SystemExit):
        main(["--help"])
    examples = capsys.readouterr().out.partition("examples:\n")[2].splitlines()
    (folder / "new.csv").write_text("length,width\n3,0.1\n")
    for example in examples:
        _, _, words = example.partition("python -m nn ")
        extra = [] if "predict" in words else ["--epochs", "1"]
        assert main([*words.split(), *extra]) == 0, example
    assert capsys.readouterr().out.splitlines()[-2] == "kind,probability"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints one line, in any place."""
    assert main(["--version"]) == main(["train", "--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == description()


def test_the_script() -> None:
    """The distribution has a script that calls the same function."""
    project = tomllib.loads((Path(nn.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    module, _, name = project["scripts"]["chainrule"].partition(":")
    assert getattr(import_module(module), name) is main


# ------------------------------------------------------------------------------------- predict, evaluate


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return the folder of a run on a file with categories and gaps."""
    rows = [f"{i},{('red', 'green', '')[i % 3]},{i % 5 / 7},{'ab'[i % 2]}" for i in range(30)]
    (folder / "shop.csv").write_text("\n".join(["no,colour,size,kind", *rows]))
    words = ["--data", "shop.csv", "--missing", "mean", "--hidden", "4", "--epochs", "3"]
    assert main([*words, "--out", "out"]) == 0
    assert "note: column 'no' names the samples, and is left out\n" in capsys.readouterr().err
    return folder / "out"


@pytest.mark.parametrize("model", ["out", "out/weights.npz"])
def test_predictions(folder: Path, capsys: pytest.CaptureFixture[str], run: Path, model: str) -> None:
    """Each row gets the model's class and its probability, printed or in a file."""
    (folder / "new.csv").write_text("size,colour\n0.25,red\n,green\n0.5,\n")
    assert main(["predict", model, "new.csv"]) == 0
    out = capsys.readouterr().out
    outputs = data(load(run / "weights.npz")(preprocessing(run).read_inputs("new.csv")))
    powers = np.exp(outputs)
    probabilities = powers.max(axis=1) / powers.sum(axis=1)
    expected = [f"{'ab'[i]},{p:.4f}" for i, p in zip(outputs.argmax(axis=1), probabilities, strict=True)]
    assert out.splitlines() == ["kind,probability", *expected]
    assert main(["predict", model, "new.csv", "--out", "answers.csv"]) == 0
    assert (folder / "answers.csv").read_text() == out
    assert main(["predict", model, "new.csv", "--out", "answers.csv"]) == 2
    assert main(["predict", model, "new.csv", "--out", "answers.csv", "--overwrite"]) == 0


def test_an_evaluation(folder: Path, capsys: pytest.CaptureFixture[str], run: Path) -> None:
    """A file with the target is evaluated as the held-out samples are."""
    assert main(["evaluate", "out", "shop.csv"]) == 0
    out = capsys.readouterr().out
    shop = preprocessing(run).read_csv("shop.csv")
    right = accuracy(load(run / "weights.npz")(preprocessing(run)(shop.inputs)), shop.labels)
    assert out.startswith(f"shop accuracy {right:.1%} (")
    assert "confusion matrix" in out


def test_predictions_of_a_regression(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answers of a regression are in the unit of the target, for many rows as for few."""
    assert main(["--data", "linear", "--hidden", "--epochs", "60", "--l2", "0", "--out", "out"]) == 0
    (folder / "new.csv").write_text("x\n" + "0\n0.5\n" * 300)
    capsys.readouterr()
    assert main(["predict", "out", "new.csv"]) == 0
    name, *answers = capsys.readouterr().out.splitlines()
    assert (name, len(answers)) == ("y", 600)
    np.testing.assert_allclose(np.array(answers, float), [1.0, 2.0] * 300, atol=0.1)
    (folder / "new.csv").write_text("x,y\n0,1\n0.5,2\n")
    assert main(["evaluate", "out", "new.csv"]) == 0
    assert capsys.readouterr().out.startswith("new R2 0.9")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size\n1\n", "new.csv: no column is called 'colour'; there are size"),
        ("size,colour\n1,red\nbig,red\n", "new.csv: row 3, column 'size': 'big' is not a finite number"),
        ("size,colour\n1,\x1b[31mblue\n", r"new.csv: row 2, column 'colour': '\x1b[31mblue' is none of"),
        ("", "new.csv: is empty"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_rows_that_do_not_fit(
    folder: Path, capsys: pytest.CaptureFixture[str], run: Path, command: str, content: str, message: str
) -> None:
    """Rows that the model cannot take return status 2, with the file, the row and the column in one line."""
    (folder / "new.csv").write_text(content)
    before = tree(folder)
    assert main([command, "out", "new.csv"]) == 2
    assert_one_error_line(capsys.readouterr(), message)
    assert tree(folder) == before


def test_a_model_of_another_kind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model that was saved without what its inputs go through is refused."""
    save(MLP(2, [1], rng=0), folder / "model.npz")
    assert main(["predict", "model.npz", "pets.csv"]) == 2
    assert_one_error_line(capsys.readouterr(), "model.npz: does not say what its inputs go through")
    for model in (MLP(3, [2], rng=0), MLP(2, [3], rng=0), MLP(2, [2, 2], arctan2, rng=0)):  # type: ignore[arg-type]
        save(model, folder / "model.npz", Preprocessing.of(moons()))
        (folder / "new.csv").write_text("x,y\n1,2\n")
        assert main(["predict", "model.npz", "new.csv"]) == 2
        assert_one_error_line(capsys.readouterr(), "model.npz: the model does not fit its preprocessing")


def test_names_of_classes_do_not_act_on_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a file says is printed with its control characters escaped."""
    (folder / "pets.csv").write_text(pets().replace("dog", "\x1b[31mdog").replace("cat", "\x1b[31mcat"))
    assert main([*PETS, "--epochs", "1", "--out", "out"]) == 0
    assert main(["predict", "out", "pets.csv"]) == 0
    assert main(["evaluate", "out", "pets.csv"]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert r"\x1b[31m" in captured.out


def test_predictions_into_a_pipe_that_is_closed(folder: Path, run: Path) -> None:
    """A reader that has read enough, as `head` does, gets no complaint."""
    (folder / "new.csv").write_text("size,colour\n" + "0.25,red\n" * 20_000)
    environment = os.environ | {"PYTHONPATH": str(Path(nn.__file__).parent.parent)}
    command = [sys.executable, "-m", "nn", "predict", "out", "new.csv"]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        assert process.stdout.readline() == b"kind,probability\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    process.wait()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer", {}), ("callbacks", 3), ("callbacks", [["RunOptions", {}]]), ("rng", {})],
)
def test_a_damaged_checkpoint(
    folder: Path, capsys: pytest.CaptureFixture[str], key: str, value: object
) -> None:
    """A run whose checkpoint is damaged is not gone on with, as one line says, and nothing is written."""
    assert main([*PETS, "--epochs", "1", "--out", "out"]) == 0
    path = folder / "out" / "checkpoint.npz"
    found, described = read_archive(path, most_bytes=2**24)
    write_archive(path, found, described | {key: value})
    before = tree(folder)
    capsys.readouterr()
    status = main(["--resume", "out", "--epochs", "2", "--quiet"])
    assert status == 2
    assert_one_error_line(capsys.readouterr(), "--resume out: ")
    assert tree(folder) == before
