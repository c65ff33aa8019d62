from __future__ import annotations

import contextlib
import csv
import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.datasets import DatasetError, Preprocessing, read_csv, train_test_split
from nn.datasets.tables import _check_names

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


MANY = "x,id\n" + "".join(f"1,c{i}\n" for i in range(51))
CSV_ERRORS: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "is empty"),
    "blank lines only": ("\n \n", "is empty"),
    "header only": ("x,kind\n", "there is no row below the names of the columns"),
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
    "decimal comma": (
        "x;kind\n1,5;a\n2;b\n",
        "row 2, column 'x': '1,5' is not a finite number (decimals stand after a point)",
    ),
    "empty cell": ("x,y,kind\n1,,a\n3,4,b\n", "row 2, column 'y': the cell is empty"),
    "empty class": ("x,kind\n1,a\n2,\n", "row 3, column 'kind': the cell is empty"),
    "NaN": ("x,kind\n1,a\nNaN,b\n", "row 3, column 'x': 'NaN' is not a finite number"),
    "inf": ("x,kind\n-inf,a\n2,b\n", "row 2, column 'x': '-inf' is not a finite number"),
    "NaN as class": ("x,kind\n1,a\n2,nan\n", "row 3, column 'kind': 'nan' is not a class"),
    "one class": ("x,kind\n1,a\n2,a\n", "column 'kind' holds the one class 'a'; two or more are wanted"),
    "too many classes": (MANY, "column 'id' holds 51 different values, but at most 50 classes are wanted"),
    "not a category": (
        "x,y,kind\n1,2,a\n3,3+,b\n5,2,a\n7,3+,b\n",
        "row 3, column 'y': '3+' is not a finite number "
        "(for categories: categorical=['y'], or --categorical y)",
    ),
    "a gap": (
        "x,y,kind\n1,?,a\n3,4,b\n",
        "row 2, column 'y': '?' is not a finite number (to fill it in: missing='mean', or --missing mean)",
    ),
    "a gap among texts": ("x,y,kind\n1,red,a\n3,,b\n", "row 3, column 'y': the cell is empty"),
    "a gap among targets": ("x,y\n1,0.5\n3,NA\n4,2\n", "row 3, column 'y': 'NA' is not a finite number"),
    "too many categories": (
        "x,who,kind\n" + "".join(f"{i},n{i},{i % 2}\n" for i in range(60)) + "9,n1,0\n",
        "column 'who' holds 60 different texts, but at most 50 categories are wanted; leave it out by "
        "drop=['who'], or --drop who",
    ),
    "damaged gzip": (b"\x1f\x8bnot gzip", "is compressed by gzip, and damaged: "),
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


@pytest.mark.parametrize(
    "content",
    [
        "kind,x,y\n" + "".join(f"{('cat', 'dog')[i % 2]},{i}.5,{i}.25\n" for i in range(9)),
        "kind,w\n" + "".join(f"{i % 2},{i}.5\n" for i in range(60)),
    ],
    ids=["texts", "whole numbers"],
)
def test_csv_of_classes_in_the_first_column(write_csv: WriteCsv, content: str) -> None:
    """If the last column is of measurements, and the first looks like classes, a remark says so."""
    data = read_csv(write_csv(content))
    assert data.classes == ()
    hint = "column 'kind' looks like the classes: pass target='kind', or --target kind"
    assert hint in data.remarks
    assert read_csv(write_csv(content), "kind").remarks == ()


@pytest.mark.parametrize("content", ["name,x,y\nann,1,.2\nbob,3,4\n", "x,y\n1.5,.1\n2.5,4\n1.5,.1\n2.5,5\n"])
def test_csv_without_a_hint(write_csv: WriteCsv, content: str) -> None:
    """Columns of unique names or of fractions are not suggested as the target."""
    assert read_csv(write_csv(content)).remarks == ()


# --------------------------------------------------------------------------------- targets of all kinds


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["0.5", "1", "2"], ()),
        (["-3e2", "1.25", "2"], ()),
        ([str(i) for i in range(21)], ()),
        ([str(i % 20) for i in range(40)], tuple(sorted(map(str, range(20))))),
        (["1.0", "2.0", "2.0"], ("1.0", "2.0")),
        (["1.5", "red", "2.5"], ("1.5", "2.5", "red")),
    ],
)
def test_csv_finds_the_task(write_csv: WriteCsv, cells: list[str], classes: tuple[str, ...]) -> None:
    """A target of numbers with fractions, or of more than 20 numbers, is a regression; others are classes."""
    data = read_csv(write_csv("x,y\n" + "".join(f"{i % 3},{cell}\n" for i, cell in enumerate(cells))))
    assert data.classes == classes
    if not classes:
        assert data.targets.tolist() == list(map(float, cells))


def test_csv_of_a_task_that_is_given(write_csv: WriteCsv) -> None:
    """Either task can be asked for."""
    path = write_csv("x,y\n1,0.5\n2,1.5\n3,0.5\n")
    assert read_csv(path, task="classification").classes == ("0.5", "1.5")
    path = write_csv("x,y\n1,3\n2,4\n3,3\n")
    assert read_csv(path, task="regression").targets.tolist() == [3.0, 4.0, 3.0]
    path = write_csv("x,y\n1,3\n2,red\n3,3\n")
    with pytest.raises(DatasetError, match="row 3, column 'y': 'red' is not a finite number"):
        read_csv(path, task="regression")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "guess"}, 'task to be "classification", "regression" or None, got \'guess\''),
        ({"missing": "zero"}, "missing to be None or one of mean, median, most_frequent, got 'zero'"),
        ({"header": 1}, 'header to be "infer", 0 or None, got 1'),
        ({"drop": ["z"]}, "no column is called 'z'; there are x, y"),
        ({"drop": ["x"]}, "no column is left besides the target 'y'"),
        ({"target": 2}, "no column is called 2; there are x, y"),
    ],
)
def test_csv_options(write_csv: WriteCsv, options: dict[str, Any], message: str) -> None:
    """Unknown options and columns raise."""
    with pytest.raises(ValueError, match=message):
        read_csv(write_csv("x,y\n1,a\n2,b\n"), **options)


# --------------------------------------------------------------------------------- columns of categories


def test_csv_of_categories(write_csv: WriteCsv) -> None:
    """A column of texts is a feature of 1 and 0 for each category, in alphabetical order."""
    data = read_csv(write_csv("size,colour,kind\n1,red,a\n2,green,b\n3,red,a\n"))
    assert data.features == ("size", "colour=green", "colour=red")
    assert data.inputs.tolist() == [[1, 0, 1], [2, 1, 0], [3, 0, 1]]


def test_csv_of_categories_that_are_numbers(write_csv: WriteCsv) -> None:
    """A column of codes is one of categories if that is asked for."""
    path = write_csv("zip,kind\n8001,a\n3000,b\n8001,a\n")
    assert read_csv(path, categorical=["zip"]).features == ("zip=3000", "zip=8001")
    assert read_csv(path).features == ("zip",)


# ----------------------------------------------------------------------------------------- missing cells

GAPS = "size,colour,kind\n1,red,a\n,red,b\n3,NA,a\n5,green,b\n5,?,a\n"


@pytest.mark.parametrize(("missing", "size"), [("mean", 3.5), ("median", 4.0), ("most_frequent", 5.0)])
def test_csv_with_gaps(write_csv: WriteCsv, missing: Any, size: float) -> None:
    """Missing numbers become the mean, the median or the most frequent one; texts the most frequent one."""
    data = read_csv(write_csv(GAPS), missing=missing)
    assert data.inputs.tolist() == [[1, 0, 1], [size, 0, 1], [3, 0, 1], [5, 1, 0], [5, 0, 1]]


def test_gaps_are_filled_in_by_the_training_part(write_csv: WriteCsv) -> None:
    """After a split, both parts have the means of the training part where cells are missing."""
    path = write_csv(
        "x,kind\n" + "".join(f"{'' if i % 5 == 0 else i * i},{'ab'[i % 2]}\n" for i in range(60))
    )
    data = read_csv(path, missing="mean")
    train, test = train_test_split(data, random_state=0)
    assert data.gaps is not None
    assert train.gaps is not None
    assert test.gaps is not None
    mean = train.inputs[~train.gaps.missing].mean()
    assert mean != data.inputs[~data.gaps.missing].mean()
    for part in (train, test):
        assert part.gaps is not None
        assert part.gaps.missing.any()
        np.testing.assert_allclose(part.inputs[part.gaps.missing], mean)


def test_a_column_without_a_value(write_csv: WriteCsv) -> None:
    """A column in which everything is missing raises."""
    with pytest.raises(DatasetError, match="pets: column 'y' has no value to learn from: leave it out"):
        read_csv(write_csv("x,y,kind\n1,,a\n2,,b\n"), missing="mean")


# -------------------------------------------------------------------------------------------- the header


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("1,2\n3,4\n", False),
        ("\n1,2\n3,4\n", False),
        ("5.1,3,setosa\n4.9,3,setosa\n6,3,virginica\n", False),
        ("red,small,a\nblue,big,b\nred,big,a\n", False),
        (",size,kind\n0,2,a\n1,2,b\n", True),
        ("x,kind\n1,a\n2,b\n", True),
        ("2019,2020,kind\n1,2,a\n3,4,b\n", True),
    ],
)
def test_csv_finds_the_header(write_csv: WriteCsv, content: str, has_header: bool) -> None:
    """A first row of numbers, or of texts that occur again, is a sample; the columns are called x1, ..."""
    rows = [row for row in content.splitlines() if row]
    data = read_csv(write_csv(content), missing="mean")
    assert len(data) == len(rows) - has_header
    width = rows[0].count(",") + 1
    if not has_header:
        assert [column.name for column in data.columns] == [f"x{i + 1}" for i in range(width - 1)]
        assert data.remarks[0] == f"no row of names: the columns are x1 to x{width}"
        assert len(read_csv(write_csv(content), f"x{width}", header=None)) == len(rows)


def test_csv_of_a_header_that_is_given(write_csv: WriteCsv) -> None:
    """Either can be asked for; columns may be chosen by place."""
    path = write_csv("2019,2020\n1,2\n3,4\n5,6\n")
    data = read_csv(path, header=0)
    assert (data.features, data.target, len(data)) == (("2019",), "2020", 3)
    assert read_csv(path, 0, header=0).target == "2019"
    assert read_csv(path, -2, header=0).target == "2019"
    assert len(read_csv(path, header=None)) == 4


# --------------------------------------------------------------------------------------------------- gzip


def test_csv_in_gzip(tmp_path: Path) -> None:
    """A file that gzip has compressed is read as what it holds, in any number of members."""
    path = tmp_path / "pets.csv.gz"
    path.write_bytes(gzip.compress(b"x,kind\n1,a\n") + gzip.compress(b"2,b\n"))
    data = read_csv(path)
    assert (data.name, data.classes, data.inputs.tolist()) == ("pets", ("a", "b"), [[1.0], [2.0]])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetError, match="is compressed by gzip, and damaged"):
        read_csv(path)


def test_csv_in_gzip_that_is_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the limit is unpacked up to the limit."""
    monkeypatch.setattr("nn.datasets.text_files._MOST_BYTES", 2**16)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n" * 2**20))
    assert path.stat().st_size < 2**16
    with pytest.raises(DatasetError, match=r"holds more than 0.0625 MiB, or never ends"):
        read_csv(path)


def test_csv_of_too_many_cells(write_csv: WriteCsv, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separators alone would be as many cells as bytes, which take 60 times their memory."""
    monkeypatch.setattr("nn.datasets.text_files._MOST_CELLS", 1000)
    with pytest.raises(DatasetError, match="holds more than 1,000 cells; pass a part of it"):
        read_csv(write_csv("," * 2000 + "\n"))


# -------------------------------------------------------------------------------- columns of identifiers


@pytest.mark.parametrize(
    ("name", "cell", "is_left_out"),
    [
        ("n", lambda i: str(i), True),
        ("n", lambda i: str(i + 1), True),
        ("", lambda i: str(i), True),
        ("year", lambda i: str(1990 + i), False),
        ("patient_id", lambda i: str(7 * i % 31 + 100), True),
        ("ID", lambda i: str(7 * i % 31 + 100), True),
        ("paid", lambda i: str(7 * i % 31 + 100), False),
        ("name", lambda i: f"A{i}", True),
        ("x", lambda i: f"{i}.5", False),
        ("x", lambda i: str(i % 29), False),
    ],
)
def test_csv_with_a_column_of_identifiers(
    write_csv: WriteCsv, name: str, cell: Callable[[int], str], is_left_out: bool
) -> None:
    """What names the samples is left out, and a remark says so, unless the columns to leave out are given."""
    path = write_csv(f"{name},w,kind\n" + "".join(f"{cell(i)},{i % 7},{'ab'[i % 2]}\n" for i in range(30)))
    data = read_csv(path)
    assert data.features == (("w",) if is_left_out else (name, "w"))
    assert data.remarks == ((f"column {name!r} names the samples, and is left out",) if is_left_out else ())
    if name != "name":
        assert read_csv(path, drop=[]).features == (name, "w")
    assert read_csv(path, drop=["w"]).remarks == () if name != "name" else True


def test_csv_of_one_column_that_counts(write_csv: WriteCsv) -> None:
    """The only column besides the target stays."""
    data = read_csv(write_csv("t,y\n" + "".join(f"{i},{i * i}.5\n" for i in range(30))))
    assert (data.features, data.remarks) == (("t",), ())


# ------------------------------------------------------------------------------------------ what is left


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
    assert len(read_csv(write_csv(MANY.rpartition("1,c50")[0])).classes) == 50


# ----------------------------------------------------------------------------------------------- any file

CELL = st.sampled_from(
    ["", "1", "2.5", "-3e2", "nan", "?", "red", "a b", "1_5", "inf", "1,5", '"', "\x1b[0m"]
)
TABLE = st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=8)


@given(
    content=st.one_of(
        TABLE.map(lambda rows: "\n".join(map(",".join, rows)).encode()),
        st.binary(max_size=60),
        st.binary(max_size=60).map(gzip.compress),
    ),
    missing=st.sampled_from([None, "mean", "median", "most_frequent"]),
    task=st.sampled_from([None, "classification", "regression"]),
)
def test_csv_of_anything(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, missing: Any, task: Any
) -> None:
    """Any file is read, into finite numbers, or raises an error of one printable line that names the file."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        data = read_csv(path, missing=missing, task=task)
    except DatasetError as error:
        message = str(error)
    else:
        message = f"{path}: is read"
        assert np.all(np.isfinite(data.inputs))
        assert np.all(np.isfinite(data.targets))
        assert data.inputs.shape == (len(data), len(data.features))
        again = Preprocessing.from_dict(Preprocessing.of(data).to_dict())
        np.testing.assert_array_equal(again.read_csv(path).inputs, data.inputs)
    assert message.isprintable()
    assert message.startswith((str(path), "any: "))


@given(
    names=st.lists(
        st.text("abcå ,;\"'_", min_size=1, max_size=6), min_size=2, max_size=4, unique_by=str.strip
    ),
    rows=st.integers(2, 12),
    separator=st.sampled_from(",;\t"),
    seed=st.integers(0, 100),
)
def test_csv_of_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rows: int, separator: str, seed: int
) -> None:
    """What the csv module writes is read as the same numbers and names."""
    numbers = np.random.default_rng(seed).normal(size=(rows, len(names)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(names)
    writer.writerows(numbers.tolist())
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_text(text.getvalue(), newline="")
    if "" in map(str.strip, names):
        return
    data = read_csv(path, drop=[], header=0)
    assert [*data.features, data.target] == [name.strip() for name in names]
    np.testing.assert_array_equal(np.column_stack([*data.inputs.T, data.targets]), numbers)
