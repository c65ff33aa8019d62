from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.datasets import DataColumn, DatasetError, Preprocessing, Standardizer, linear, moons, read_csv

PETS = "size,colour,kind\n1,red,a\n,red,b\n3,NA,a\n5,green,b\n4,red,a\n"

NAMES = st.text(min_size=1, max_size=5)
NUMBERS = st.floats(-1e9, 1e9)


@pytest.fixture
def pets(tmp_path: Path) -> Preprocessing:
    """Return what is learnt from a file with categories and gaps."""
    (tmp_path / "pets.csv").write_text(PETS)
    return Preprocessing.of(read_csv(tmp_path / "pets.csv", missing="mean"))


def write(folder: Path, content: str) -> Path:
    """Write a file of new rows."""
    path = folder / "new.csv"
    path.write_text(content)
    return path


@st.composite
def preprocessings(draw: st.DrawFn) -> Preprocessing:
    """Draw anything that a model may have to know."""
    columns = tuple(
        DataColumn(name, tuple(draw(st.lists(NAMES, max_size=3, unique=True))))
        for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    )
    width = sum(len(column.features) for column in columns)
    mean, scale, fill = (
        np.array(draw(st.lists(NUMBERS, min_size=width, max_size=width)), float) for _ in range(3)
    )
    classes = tuple(draw(st.lists(NAMES, max_size=3, unique=True)))
    targets = None if classes else Standardizer(np.array([draw(NUMBERS)]), np.array([draw(NUMBERS)]))
    has_fill = draw(st.booleans())
    return Preprocessing(
        columns, Standardizer(mean, scale), fill if has_fill else None, draw(NAMES), classes, targets
    )


@given(preprocessings())
def test_there_and_back(preprocessing: Preprocessing) -> None:
    """The plain data go through JSON, and what is made from them has the same plain data."""
    plain = preprocessing.to_dict()
    again = Preprocessing.from_dict(json.loads(json.dumps(plain, allow_nan=False)))
    assert again.to_dict() == plain
    assert again.columns == preprocessing.columns
    assert (again.scale is None) == bool(preprocessing.classes)


def test_a_row_is_what_the_file_said(pets: Preprocessing, tmp_path: Path) -> None:
    """Each row gives the same inputs as in the file that was learnt from, also by itself and after JSON."""
    data = read_csv(tmp_path / "pets.csv", missing="mean")
    expected = Standardizer.of(data.inputs)(data.inputs)
    again = Preprocessing.from_dict(pets.to_dict())
    np.testing.assert_array_equal(again.read_inputs(tmp_path / "pets.csv"), expected)
    np.testing.assert_array_equal(again.row({"colour": "", "size": 3.0}), expected[2])
    back = again.read_csv(tmp_path / "pets.csv")
    np.testing.assert_array_equal(back.inputs, data.inputs)
    np.testing.assert_array_equal(back.labels, data.labels)
    assert (back.features, back.classes, back.target) == (data.features, data.classes, "kind")


def test_new_rows_may_have_other_columns(pets: Preprocessing, tmp_path: Path) -> None:
    """Columns are found by their names, in any order, among others; the target may be missing."""
    expected = pets.read_inputs(write(tmp_path, "size,colour\n2,red\n,green\n"))
    other = write(tmp_path, "note,colour,size\n-,red,2\n-,green,\n")
    np.testing.assert_array_equal(pets.read_inputs(other), expected)
    # A single row of texts and numbers without names, too.
    np.testing.assert_array_equal(pets.read_inputs(write(tmp_path, "2,red\n,green\n"), header=None), expected)
    np.testing.assert_array_equal(pets.read_inputs(write(tmp_path, "2,red\n3,red\n"))[0], expected[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size,kind\n1,a\n", "no column is called 'colour'; there are size, kind"),
        ("size,colour\n1,red\nbig,red\n", "row 3, column 'size': 'big' is not a finite number"),
        ("size,colour\n1,blue\n", "row 2, column 'colour': 'blue' is none of the categories green, red"),
        ("size,colour,kind\n1,red,c\n", "row 2, column 'kind': 'c' is none of the classes a, b"),
        ("size,colour,kind\n1,red,\n", "row 2, column 'kind': the cell is empty; the classes are a, b"),
        ("size,colour\n1,red\n", "no column is called 'kind'; there are size, colour"),
        ("size,colour\n1,\x1b[2Jblue\n", r"row 2, column 'colour': '\x1b[2Jblue' is none of"),
    ],
)
def test_new_rows_that_do_not_fit(pets: Preprocessing, tmp_path: Path, content: str, message: str) -> None:
    """An error names the file, the row and the column in one line."""
    path = write(tmp_path, content)
    with pytest.raises(DatasetError) as raised:
        pets.read_csv(path)
    assert str(raised.value).startswith(f"{path}: {message}")
    assert str(raised.value).isprintable()


def test_a_gap_where_none_was_learnt(tmp_path: Path) -> None:
    """Without gaps in the training data, nothing is known that could fill one in."""
    (tmp_path / "pets.csv").write_text("size,kind\n1,a\n2,b\n")
    preprocessing = Preprocessing.of(read_csv(tmp_path / "pets.csv"))
    with pytest.raises(
        DatasetError, match="row 3, column 'size': '\\?' is not a finite number, and the model"
    ):
        preprocessing.read_inputs(write(tmp_path, "size\n1\n?\n"))


def test_targets_of_a_regression() -> None:
    """A regression is trained on standardised targets, and its outputs are put back into their unit."""
    data = linear(100)
    preprocessing = Preprocessing.of(data)
    targets = preprocessing.targets(data)
    assert targets.mean() == pytest.approx(0.0, abs=1e-12)
    assert targets.std() == pytest.approx(1.0)
    np.testing.assert_allclose(preprocessing.answers(targets[:, None]), data.targets)


def test_answers_of_a_classifier() -> None:
    """Outputs become names of classes, from a score for each or a single one."""
    data = moons(20)
    preprocessing = Preprocessing.of(data)
    assert preprocessing.targets(data) is data.targets
    for outputs in ([[0.0, 2.0], [1.0, -1.0]], [[2.0], [-1.0]]):
        assert preprocessing.answers(np.array(outputs)).tolist() == ["lower", "upper"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [1.0]}, "expected 3 finite numbers, got"),
        ({"scale": [1.0, float("nan"), 1.0]}, "expected 3 finite numbers"),
        ({"scale": "1e9"}, "expected 3 finite numbers|could not convert"),
        ({"columns": 3}, "is damaged: 'int' object is not iterable"),
        ({"columns": []}, "expected columns, got none"),
        ({"columns": [{"name": 3, "categories": []}]}, "expected a text, got 3"),
        ({"columns": [{"name": "x"}]}, "has no 'categories'"),
        ({"classes": [1, 2]}, "expected a text, got 1"),
        ({"classes": []}, "is damaged"),
        ({"classes": "ab"}, "expected a list of texts"),
        ({"target": None}, "expected a text, got None"),
    ],
    ids=str,
)
def test_damaged_data(pets: Preprocessing, change: dict[str, Any], message: str) -> None:
    """Anything else than what `to_dict` gives raises a ValueError."""
    with pytest.raises(ValueError, match=message):
        Preprocessing.from_dict(pets.to_dict() | change)
    plain = pets.to_dict()
    del plain[next(iter(change))]
    with pytest.raises(ValueError, match=f"the preprocessing has no '{next(iter(change))}'"):
        Preprocessing.from_dict(plain)
