from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn.datasets import Dataset, DatasetError, Standardizer, iris, moons, read_csv, split, wine
from nn.datasets.csv_files import _check_names

WriteCsv = Callable[[str | bytes], Path]


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Return a function that writes a CSV file and returns its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "pets.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def one_line(error: DatasetError) -> str:
    """Return the message of an error, after checking that it is one line."""
    assert len(str(error).splitlines()) == 1
    return str(error)


# ------------------------------------------------------------------------------------------------ moons


@pytest.mark.parametrize("samples", [2, 3, 50, 101])
def test_moons_are_half_circles(samples: int) -> None:
    """Without noise, the moons are half circles: the upper around (0, 0), the lower around (1, 1/2)."""
    data = moons(samples, noise=0.0)
    upper, lower = (data.inputs[data.labels == label] for label in (0, 1))
    assert (len(upper), len(lower)) == (samples // 2, samples - samples // 2)
    assert data.inputs.shape == (len(data), 2) == (samples, 2)
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1.0)
    assert upper[:, 1].min() >= 0.0
    assert lower[:, 1].max() <= 0.5


def test_moons_names() -> None:
    """The moons have named coordinates and classes, and 200 points by default."""
    data = moons()
    assert (data.name, data.features, data.classes) == ("moons", ("x", "y"), ("upper", "lower"))
    assert len(data) == 200


def test_moons_noise() -> None:
    """The noise is normal with the given standard deviation, and depends on the seed."""
    noise = moons(4000, noise=0.3, rng=1).inputs - moons(4000, noise=0.0).inputs
    assert noise.mean() == pytest.approx(0.0, abs=0.02)
    assert noise.std() == pytest.approx(0.3, rel=0.03)
    np.testing.assert_array_equal(moons(rng=1).inputs, moons(rng=1).inputs)
    assert not np.array_equal(moons(rng=1).inputs, moons(rng=2).inputs)


@pytest.mark.parametrize(
    "arguments", [{"samples": 1}, {"samples": -2}, {"noise": -0.1}, {"noise": float("nan")}]
)
def test_moons_bad_arguments(arguments: dict[str, Any]) -> None:
    """Fewer than two points and negative noise raise."""
    with pytest.raises(ValueError, match="samples >= 2 and noise >= 0, got"):
        moons(**arguments)


# -------------------------------------------------------------------------------------- iris and wine


@pytest.mark.parametrize("load", [iris, wine])
def test_real_data_are_those_of_scikit_learn(load: Callable[[], Dataset]) -> None:
    """Iris and Wine are scikit-learn's data, with readable names."""
    bunch = getattr(pytest.importorskip("sklearn.datasets"), f"load_{load.__name__}")()
    data = load()
    np.testing.assert_array_equal(data.inputs, bunch.data)
    np.testing.assert_array_equal(data.labels, bunch.target)
    assert data.name == load.__name__
    assert len(data.features) == data.inputs.shape[1]
    assert len(data.classes) == 3


@pytest.mark.parametrize("load", [iris, wine])
def test_without_scikit_learn(load: Callable[[], Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the error names the data set and what to install."""
    monkeypatch.setattr("nn.datasets.real.find_spec", lambda name: None)
    with pytest.raises(DatasetError) as raised:
        load()
    assert load.__name__ in one_line(raised.value)
    assert "pip install 'chainrule[train]'" in str(raised.value)


# ------------------------------------------------------------------------------------------------ split


@pytest.mark.parametrize(("held_out", "counts"), [(1 / 3, 17), (0.5, 25), (0.001, 1), (0.999, 49)])
def test_split_is_stratified(held_out: float, counts: int) -> None:
    """Each class has the same fraction of samples held out, and at least one sample in either part."""
    train, held = split(iris(), held_out, rng=0)
    assert np.bincount(held.labels).tolist() == [counts] * 3
    assert np.bincount(train.labels).tolist() == [50 - counts] * 3


def test_split_is_disjoint_and_complete() -> None:
    """Each sample is in exactly one part, with its class; the parts keep order and names."""
    data = replace(iris(), inputs=np.arange(150.0)[:, None])
    parts = split(data, rng=0)
    rows = np.concatenate([part.inputs[:, 0] for part in parts]).astype(int)
    assert sorted(rows) == list(range(150))
    assert all(np.all(np.diff(part.inputs[:, 0]) > 0) for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.labels for part in parts]), data.labels[rows])
    assert {(part.name, part.features, part.classes) for part in parts} == {
        (data.name, data.features, data.classes)
    }


def test_split_comes_from_the_seed() -> None:
    """The same seed gives the same split, another seed a different one."""
    held = [split(iris(), rng=rng)[1].inputs for rng in (0, np.random.default_rng(0), 1)]
    np.testing.assert_array_equal(held[0], held[1])
    assert not np.array_equal(held[0], held[2])


@pytest.mark.parametrize("held_out", [0.0, 1.0, -0.5, 2.0, float("nan")])
def test_split_of_another_fraction(held_out: float) -> None:
    """A fraction outside (0, 1) raises."""
    with pytest.raises(ValueError, match=f"between 0 and 1, got {held_out}"):
        split(moons(), held_out)


def test_split_of_a_class_of_one() -> None:
    """A class with a single sample, which cannot be in both parts, raises with its name."""
    data = Dataset("pets", np.zeros((3, 1)), np.array([0, 0, 1]), ("x",), ("cat", "dog"))
    with pytest.raises(DatasetError, match="pets: class 'dog' has 1 sample"):
        split(data)


# --------------------------------------------------------------------------------------- standardizer


def test_standardizer() -> None:
    """Features are scaled to mean 0 and standard deviation 1; other samples use the same map."""
    inputs = np.random.default_rng(0).normal([5.0, -100.0], [2.0, 0.01], (40, 2))
    standardize = Standardizer.of(inputs)
    standard = standardize(inputs)
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=1e-11)
    np.testing.assert_allclose(standard.std(axis=0), 1.0)
    np.testing.assert_allclose(standardize(inputs.mean(axis=0) + inputs.std(axis=0)), [1.0, 1.0])


@pytest.mark.parametrize("samples", [1, 3, 99])
@pytest.mark.parametrize("constant", [0.0, 5.0, 0.1, 1 / 3, 1e9 + 0.1])
def test_standardizer_of_a_constant(constant: float, samples: int) -> None:
    """A constant feature is shifted to 0 and not scaled, even if its mean is rounded."""
    standardize = Standardizer.of(np.full((samples, 1), constant))
    np.testing.assert_allclose(standardize(np.array([[constant]])), 0.0, atol=1e-6)
    np.testing.assert_allclose(standardize(np.array([[constant + 2.0]])), 2.0, rtol=1e-6)


# -------------------------------------------------------------------------------------------- CSV files

CELLS = [["length", "width", "kind"], ["1", "2.5", "dog"], ["-3e2", ".5", "cat"], ["4", "6", "dog"]]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("separator", [",", ";", "\t", " , "])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["", "BOM"])
def test_csv(write_csv: WriteCsv, separator: str, newline: str, start: str) -> None:
    """Cells are separated by commas, semicolons or tabs; a byte-order mark is skipped."""
    data = read_csv(write_csv(start + newline.join(separator.join(row) for row in CELLS)))
    assert (data.name, data.features, data.classes) == ("pets", ("length", "width"), ("cat", "dog"))
    np.testing.assert_array_equal(data.inputs, [[1.0, 2.5], [-300.0, 0.5], [4.0, 6.0]])
    assert data.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize("kind", [str, Path])
def test_csv_path(write_csv: WriteCsv, kind: Callable[[Path], Any]) -> None:
    """The path may be a str or a Path."""
    assert len(read_csv(kind(write_csv("x,kind\n1,a\n2,b\n")))) == 2


@pytest.mark.parametrize("target", ["kind", "width", None])
def test_csv_target(write_csv: WriteCsv, target: str | None) -> None:
    """The target is the named column, by default the last one; the others are features."""
    data = read_csv(write_csv("kind,length,width\n1,10,5\n2,20,6\n2,30,5\n"), target)
    target = target or "width"
    assert data.classes == {"kind": ("1", "2"), "width": ("5", "6")}[target]
    assert data.features == tuple(name for name in ("kind", "length", "width") if name != target)
    assert data.inputs.shape == (3, 2)


@pytest.mark.parametrize(
    ("content", "features", "classes"),
    [
        ("\n\nx,kind\n\n1,a\n ,\n2,b\n\n", ("x",), ("a", "b")),
        ('"length, cm",kind\n"1","a, b"\n2,"say ""c"""\n', ("length, cm",), ("a, b", 'say "c"')),
        ('"length, cm";"width, cm";kind\n1;2;a\n3;4;b\n', ("length, cm", "width, cm"), ("a", "b")),
        ('"a, b, c";"d, e, f"\n1;x\n2;y\n', ("a, b, c",), ("x", "y")),
        ('x,kind\n1,"New\nYork"\n2,b\n', ("x",), ("New\nYork", "b")),
        ("x,kind\n1,a\u2028\x0cz\n2,b\n", ("x",), ("a\u2028\x0cz", "b")),
        ("größe,art\n1,Äpfel\n2,Birnen\n", ("größe",), ("Birnen", "Äpfel")),
        ("2019,2020,kind\n1,2,a\n3,4,b\n", ("2019", "2020"), ("a", "b")),
    ],
    ids=[
        "blank lines",
        "quoted commas",
        "quoted commas between semicolons",
        "more quoted commas than semicolons",
        "quoted line break",
        "other line separators",
        "beyond ASCII",
        "years as names",
    ],
)
def test_csv_forms(
    write_csv: WriteCsv, content: str, features: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    """Blank lines are skipped, quoted cells may contain any characters, and names are kept as written."""
    data = read_csv(write_csv(content))
    assert (data.features, data.classes) == (features, classes)
    assert len(data) == 2


MANY = "x,id\n" + "".join(f"1,{i}\n" for i in range(51))
NO_NAMES = "holds numbers where the names of the columns were expected"

# The second column has measurements, the first the classes.
MEASURED = "size,w\n" + "".join(f"{i % 2},{i}.5\n" for i in range(60))

CSV_ERRORS: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "is empty"),
    "blank lines only": ("\n \n", "is empty"),
    "header only": ("x,kind\n", "there is no row below the names of the columns"),
    "header of numbers": ("1,2\n3,4\n", f"row 1 {NO_NAMES}"),
    "header of numbers below a blank line": ("\n1,2\n3,4\n", f"row 2 {NO_NAMES}"),
    "header that is a sample": ("5.1,3,setosa\n4.9,3,setosa\n6,3,virginica\n", f"row 1 {NO_NAMES}"),
    "repeated column": ("x,y,x,kind\n1,2,3,a\n", "the column name 'x' stands in row 1 more than once"),
    "repeated column below a blank line": (
        "\nx,x,kind\n1,2,a\n",
        "the column name 'x' stands in row 2 more than once",
    ),
    "target only": ("kind\na\nb\n", "there is no column besides the target 'kind'"),
    "short row": ("x,kind\n1,a\n2\n", "row 3 has 1 cells, but row 1 has 2"),
    "long row among blank lines": ("\nx,kind\n1,a\n\n2,b,c\n", "row 5 has 3 cells, but row 2 has 2"),
    "text": ("x,y,kind\n1,2,a\n3,red,b\n", "row 3, column 'y': 'red' is not a finite number"),
    "underscore": ("x,kind\n\n1,a\n1_5,b\n", "row 4, column 'x': '1_5' is not a finite number"),
    "decimal comma": ("x;kind\n1,5;a\n2;b\n", "row 2, column 'x': '1,5' is not a finite number"),
    "empty cell": ("x,y,kind\n1,,a\n3,4,b\n", "row 2, column 'y': the cell is empty"),
    "empty class": ("x,kind\n1,a\n2,\n", "row 3, column 'kind': the cell is empty"),
    "NaN": ("x,kind\n1,a\nNaN,b\n", "row 3, column 'x': 'NaN' is not a finite number"),
    "inf": ("x,kind\n-inf,a\n2,b\n", "row 2, column 'x': '-inf' is not a finite number"),
    "NaN as class": ("x,kind\n1,a\n2,nan\n", "row 3, column 'kind': 'nan' is not a class"),
    "one class": ("x,kind\n1,a\n2,a\n", "column 'kind' holds the one class 'a'; two or more are wanted"),
    "too many classes": (MANY, "column 'id' holds 51 different values, but at most 50 classes are wanted"),
    "a class in the first column": (
        "kind,x,y\ncat,1,2\ndog,3,4\ncat,5,6\ndog,7,8\n",
        "row 2, column 'kind': 'cat' is not a finite number "
        "(column 'kind' looks like the classes: pass target='kind', or --target kind)",
    ),
    "whole numbers in the first column": (
        MEASURED,
        "column 'w' holds 60 different values, but at most 50 classes are wanted; name another column as "
        "the target (column 'size' looks like the classes: pass target='size', or --target size)",
    ),
    "colours for the terminal": (
        "x,\x1b[31mred,kind\n1,\x1b[0m,a\n2,3,b\n",
        r"row 2, column '\x1b[31mred': '\x1b[0m' is not a finite number",
    ),
    "quote without end": ('x,kind\n1,"a\n2,b\n', "row 3: unexpected end of data"),
    "Latin-1": (b"x,kind\n1,\xe9\n", "is not a text in UTF-8 (at byte 9)"),
    "UTF-16": ("x,kind\n1,a\n".encode("utf-16"), "is not a text in UTF-8 (at byte 0)"),
}


@pytest.mark.parametrize(("content", "message"), CSV_ERRORS.values(), ids=list(CSV_ERRORS))
def test_csv_errors(write_csv: WriteCsv, content: str | bytes, message: str) -> None:
    """An invalid file raises a one-line error that starts with the file, the row and the column."""
    path = write_csv(content)
    with pytest.raises(DatasetError) as raised:
        read_csv(path)
    assert one_line(raised.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("content", ["name,x,y\nann,1,2\nbob,3,4\n", "x,y,kind\n1.5,?,a\n2.5,4,b\n"])
def test_csv_without_a_hint(write_csv: WriteCsv, content: str) -> None:
    """Columns of unique names or of fractions are not suggested as the target."""
    with pytest.raises(DatasetError, match=r"not a finite number$"):
        read_csv(write_csv(content))


def test_csv_of_controls(write_csv: WriteCsv) -> None:
    """In messages control characters are escaped, and of many columns only the first few are listed."""
    path = write_csv(",".join(f"\x1b[3{i}m" for i in range(2000)) + "\n" + ",".join("1" * 2000))
    with pytest.raises(DatasetError) as raised:
        read_csv(path, "\x9bmissing")
    assert one_line(raised.value).isprintable()
    assert one_line(raised.value).endswith(r"\x1b[38m, \x1b[39m and 1990 more")


def test_csv_of_many_repeated_names(write_csv: WriteCsv) -> None:
    """Repeated names are found in linear time."""
    looks = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return str.__eq__(self, other)

    header: list[str] = [Name(f"c{i}") for i in [*range(2000), 1999]]
    with pytest.raises(DatasetError, match="'c1999' stands in row 1 more than once"):
        _check_names(Path("a.csv"), 1, header)
    assert looks < 10 * len(header)


@pytest.mark.parametrize("path", ["/dev/zero", "pipe"])
def test_csv_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """An endless device or pipe is read up to the size limit and then raises."""
    monkeypatch.setattr("nn.datasets.text_files._MOST_BYTES", 2**16)
    file = tmp_path / path
    if path == "pipe":
        os.mkfifo(file)
        threading.Thread(target=write_until_refused, args=[file]).start()
    with pytest.raises(DatasetError, match=r"holds more than 0.0625 MiB, or never ends"):
        read_csv(file)


def write_until_refused(pipe: Path) -> None:
    """Write rows until the reader closes the pipe."""
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb", buffering=0) as stream:
        while True:
            stream.write(b"1,2\n" * 1000)


def test_csv_through_a_pipe(tmp_path: Path) -> None:
    """A pipe that ends can be read like a file."""
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_text, args=["x,kind\n1,a\n2,b\n"]).start()
    assert read_csv(tmp_path / "pipe").classes == ("a", "b")


def test_csv_unknown_target(write_csv: WriteCsv) -> None:
    """A target that is not a column raises an error that lists the columns."""
    path = write_csv("x,kind\n1,a\n2,b\n")
    with pytest.raises(DatasetError) as raised:
        read_csv(path, "Kind")
    assert one_line(raised.value) == f"{path}: no column is called 'Kind'; there are x, kind"


@pytest.mark.parametrize(
    ("name", "reason"), [("missing.csv", "No such file or directory"), (".", "Is a directory")]
)
def test_csv_that_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    """A missing file and a folder both raise a DatasetError."""
    with pytest.raises(DatasetError) as raised:
        read_csv(tmp_path / name)
    assert one_line(raised.value) == f"{tmp_path / name}: cannot be read: {reason}"


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=repr)
def test_csv_of_many_columns(write_csv: WriteCsv, separator: str) -> None:
    """A table may have thousands of columns, as in gene expression data."""
    names = [f"gene_{i:08}" for i in range(12_000)]
    rows = [[*names, "kind"], ["1"] * 12_000 + ["a"], ["2"] * 12_000 + ["b"]]
    data = read_csv(write_csv("\n".join(map(separator.join, rows))))
    assert data.features == tuple(names)
    assert data.inputs.shape == (2, 12_000)


def test_csv_of_fifty_classes(write_csv: WriteCsv) -> None:
    """Up to fifty classes are allowed."""
    assert len(read_csv(write_csv(MANY.rpartition("1,50")[0])).classes) == 50
