from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nn.datasets import (
    DATASETS,
    Dataset,
    DatasetError,
    Standardizer,
    blobs,
    breast_cancer,
    circles,
    diabetes,
    digits,
    iris,
    linear,
    moons,
    spirals,
    train_test_split,
    wine,
    xor,
)


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


# ---------------------------------------------------------------------------------------- all generated

GENERATED = [moons, circles, spirals, xor, blobs, linear]


@pytest.mark.parametrize("make", GENERATED)
@pytest.mark.parametrize(
    "arguments", [{"samples": 1}, {"samples": -2}, {"noise": -0.1}, {"noise": float("nan")}]
)
def test_generated_bad_arguments(make: Callable[..., Dataset], arguments: dict[str, Any]) -> None:
    """Too few points and negative noise raise, naming the data set."""
    with pytest.raises(ValueError, match=rf"{make.__name__} expected samples >= \d and noise >= 0, got"):
        make(**arguments)


@pytest.mark.parametrize("make", GENERATED)
@pytest.mark.parametrize("samples", [4, 7, 100])
def test_generated_arguments_are_alike(make: Callable[..., Dataset], samples: int) -> None:
    """Each takes samples, noise and rng; the same seed gives the same points, and classes are of one size."""
    data = make(samples, 0.2, 1)
    assert data.inputs.shape == (samples, len(data.features))
    assert data.name == make.__name__
    np.testing.assert_array_equal(data.inputs, make(samples, 0.2, np.random.default_rng(1)).inputs)
    np.testing.assert_array_equal(data.targets, make(samples, 0.2, 1).targets)
    other = make(samples, 0.2, 2)
    assert not (np.array_equal(data.inputs, other.inputs) and np.array_equal(data.targets, other.targets))
    if data.classes:
        assert np.ptp(np.bincount(data.labels, minlength=len(data.classes))) <= 1


def test_circles_are_circles() -> None:
    """Without noise, the points are on circles of radius 1 and of the factor, all different."""
    data = circles(80, noise=0.0, factor=0.3)
    np.testing.assert_allclose(np.hypot(*data.inputs.T), np.where(data.labels == 0, 1.0, 0.3))
    assert len(np.unique(data.inputs.round(9), axis=0)) == 80
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        circles(factor=1.0)


def test_spirals_keep_their_distance() -> None:
    """Without noise, a point and the nearest of the other spiral are not close, and both end at radius 3."""
    data = spirals(400, noise=0.0)
    first, second = (data.inputs[data.labels == label] for label in (0, 1))
    np.testing.assert_allclose(first, -second, atol=1e-12)
    distances = np.linalg.norm(first[:, None] - second, axis=2)
    assert distances.min() > 0.7
    assert np.hypot(*data.inputs.T).max() == pytest.approx(3.0)


def test_blobs_are_around_their_centres() -> None:
    """Each group is normal around its centre on the unit circle; there are as many as is asked for."""
    data = blobs(4000, noise=0.2, centers=4)
    assert data.classes == ("1", "2", "3", "4")
    for label in range(4):
        group = data.inputs[data.labels == label]
        assert np.hypot(*group.mean(axis=0)) == pytest.approx(1.0, abs=0.03)
        np.testing.assert_allclose(group.std(axis=0), 0.2, rtol=0.1)
    with pytest.raises(ValueError, match="centers >= 2, got 1"):
        blobs(centers=1)


def test_xor_is_the_sign_of_the_product() -> None:
    """Without noise, the class is whether the coordinates differ in sign; all four quarters are used."""
    data = xor(200, noise=0.0)
    np.testing.assert_array_equal(data.labels == 1, data.inputs.prod(axis=1) < 0)
    assert np.unique(np.sign(data.inputs), axis=0).shape == (4, 2)
    assert np.abs(data.inputs).max() <= 1.0


def test_linear_is_a_line() -> None:
    """Without noise the targets are 2 x + 1; noise is on the targets alone."""
    x, y = linear(50, noise=0.0)
    np.testing.assert_allclose(y, 2.0 * x[:, 0] + 1.0)
    noisy = linear(4000, noise=0.3)
    assert (noisy.targets - linear(4000, noise=0.0).targets).std() == pytest.approx(0.3, rel=0.05)


# --------------------------------------------------------------------------------------- the data set


def test_a_data_set_unpacks() -> None:
    """A data set is a pair of inputs and targets, which has a length."""
    data = moons(30)
    x, y = data
    assert x is data.inputs
    assert y is data.targets is data.labels
    assert len(data) == 30


def test_a_data_set_is_short_to_read() -> None:
    """The text of a data set says what it has, and not all numbers."""
    assert repr(moons(30)) == "Dataset('moons', 30 samples, 2 features, 2 classes)"
    assert repr(linear(30)) == "Dataset('linear', 30 samples, 1 feature, regression)"


def test_a_regression_has_no_labels() -> None:
    """A regression has targets and no classes; its labels raise, and are not there for `hasattr`."""
    data = linear(30)
    assert data.classes == ()
    assert not hasattr(data, "labels")
    with pytest.raises(AttributeError, match="linear is a regression: it has targets, and no labels"):
        _ = data.labels


def test_data_sets_by_name() -> None:
    """Each name of the registry makes the data set of that name."""
    pytest.importorskip("sklearn")
    assert {name: load().name for name, load in DATASETS.items()} == {name: name for name in DATASETS}
    assert {*map(str, DATASETS)} == {load.__name__ for load in [*GENERATED, *REAL]}


# ------------------------------------------------------------------------------------------ real data

REAL = [iris, wine, breast_cancer, digits, diabetes]


@pytest.mark.parametrize("load", REAL)
def test_real_data_are_those_of_scikit_learn(load: Callable[[], Dataset]) -> None:
    """The data are those that scikit-learn carries, with readable names."""
    bunch = getattr(pytest.importorskip("sklearn.datasets"), f"load_{load.__name__}")()
    data = load()
    np.testing.assert_array_equal(data.inputs, bunch.data)
    np.testing.assert_array_equal(data.targets, bunch.target)
    assert data.name == load.__name__
    assert len(data.features) == data.inputs.shape[1]
    assert len(data.classes) == {"digits": 10, "diabetes": 0, "breast_cancer": 2}.get(data.name, 3)
    assert data.targets.dtype == (np.int64 if data.classes else np.float64)


@pytest.mark.parametrize("load", REAL)
def test_without_scikit_learn(load: Callable[[], Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the error names the data set and what to install."""
    monkeypatch.setattr("nn.datasets.real.find_spec", lambda name: None)
    with pytest.raises(DatasetError) as raised:
        load()
    assert load.__name__ in one_line(raised.value)
    assert "pip install 'chainrule[train]'" in str(raised.value)


# --------------------------------------------------------------------------------------------- splitting


@pytest.mark.parametrize(("test_size", "counts"), [(1 / 3, 17), (0.5, 25), (0.001, 1), (0.999, 49)])
def test_a_split_is_stratified(test_size: float, counts: int) -> None:
    """Each class has the same fraction of samples held out, and at least one sample in either part."""
    train, test = train_test_split(iris(), test_size=test_size, random_state=0)
    assert np.bincount(test.labels).tolist() == [counts] * 3
    assert np.bincount(train.labels).tolist() == [50 - counts] * 3


def test_a_split_is_disjoint_and_complete() -> None:
    """Each sample is in exactly one part, with its class; the parts keep order and names."""
    data = replace(iris(), inputs=np.arange(150.0)[:, None])
    parts = train_test_split(data, random_state=0)
    rows = np.concatenate([part.inputs[:, 0] for part in parts]).astype(int)
    assert sorted(rows) == list(range(150))
    assert all(np.all(np.diff(part.inputs[:, 0]) > 0) for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.labels for part in parts]), data.labels[rows])
    assert {(part.name, part.features, part.classes) for part in parts} == {
        (data.name, data.features, data.classes)
    }


def test_a_split_comes_from_the_seed() -> None:
    """The same seed gives the same split, another seed a different one."""
    held = [train_test_split(iris(), random_state=rng)[1].inputs for rng in (0, np.random.default_rng(0), 1)]
    np.testing.assert_array_equal(held[0], held[1])
    assert not np.array_equal(held[0], held[2])


SIZES: list[dict[str, float]] = [
    {},
    {"test_size": 0.3},
    {"train_size": 0.3},
    {"test_size": 30},
    {"train_size": 30},
    {"test_size": 0.01},
]
STRATA = np.repeat([0, 1, 2], [80, 50, 20])


@pytest.mark.parametrize(
    ("options", "sizes"),
    [(options, sizes) for options in ({}, {"shuffle": False}) for sizes in SIZES]
    + [({"stratify": STRATA}, sizes) for sizes in SIZES[1:5]],
)
def test_a_split_of_arrays(sizes: dict[str, float], options: dict[str, Any]) -> None:
    """Arrays are split alike, into parts of scikit-learn's sizes; without shuffling, as there."""
    model_selection = pytest.importorskip("sklearn.model_selection")
    x, y = np.arange(150.0)[:, None], STRATA
    both: dict[str, Any] = {**options, **sizes}
    x_train, x_test, y_train, y_test = train_test_split(x, y.tolist(), random_state=0, **both)
    theirs = model_selection.train_test_split(x, y, random_state=0, **both)
    assert (x_train.shape, x_test.shape) == (theirs[0].shape, theirs[1].shape)
    assert sorted([*x_train[:, 0], *x_test[:, 0]]) == list(range(150))
    np.testing.assert_array_equal(y_test, y[x_test[:, 0].astype(int)])
    np.testing.assert_array_equal(y_train, y[x_train[:, 0].astype(int)])
    if "shuffle" in options:
        np.testing.assert_array_equal(x_test, theirs[1])
    if "stratify" in options:
        np.testing.assert_array_equal(np.bincount(y_test), np.bincount(theirs[3]))


@pytest.mark.parametrize("size", [0.0, 1.0, -0.5, 2.5, float("nan"), 0, 150, -3])
@pytest.mark.parametrize("name", ["test_size", "train_size"])
def test_a_split_of_another_size(name: str, size: float) -> None:
    """A fraction outside (0, 1), and a number that leaves nothing for one part, raise."""
    with pytest.raises(
        ValueError, match=rf"{name} to be a fraction between 0 and 1.*from 1 to 149, got {size}"
    ):
        train_test_split(iris(), **{name: size})  # type: ignore[call-overload]


def test_other_arguments_of_a_split() -> None:
    """Arguments that contradict each other, or have other lengths, raise."""
    x, y = moons(20)
    with pytest.raises(ValueError, match="test_size or train_size, got both"):
        train_test_split(x, y, test_size=0.5, train_size=0.5)
    with pytest.raises(ValueError, match="arrays of one length, at least 2, got 20, 19 samples"):
        train_test_split(x, y[1:])
    with pytest.raises(ValueError, match="shuffle=True with stratify"):
        train_test_split(x, y, shuffle=False, stratify=y)
    with pytest.raises(ValueError, match=r"stratify to have shape \(20,\), got \(3,\)"):
        train_test_split(x, y, stratify=[0, 0, 1])
    with pytest.raises(ValueError, match="room for each of 2 classes in both parts, got a test of 1"):
        train_test_split(x, y, stratify=y, test_size=1)
    with pytest.raises(TypeError, match="a Dataset or arrays to split, got nothing"):
        train_test_split()


def test_a_split_of_a_class_of_one() -> None:
    """A class with a single sample, which cannot be in both parts, raises with its name."""
    data = Dataset("pets", np.zeros((3, 1)), np.array([0, 0, 1]), ("x",), ("cat", "dog"))
    with pytest.raises(DatasetError, match="pets: class 'dog' has 1 sample"):
        train_test_split(data)


@pytest.mark.parametrize("size", range(3, 9))
def test_a_split_of_so_many_samples(size: int) -> None:
    """Where rounding the fraction of each class gives more or fewer, some give way, by less than a sample."""
    sizes = np.array([3, 4, 4])
    labels = np.repeat([0, 1, 2], sizes)
    train, test = train_test_split(np.arange(11), test_size=size, stratify=labels, random_state=0)
    counts = np.bincount(labels[test])
    assert counts.sum() == size
    assert (np.abs(counts - sizes * size / 11) < 1.0).all()
    assert ((counts > 0) & (counts < sizes)).all()
    assert sorted([*train, *test]) == [*range(11)]


def test_a_split_of_a_regression() -> None:
    """A regression is split at random."""
    train, test = train_test_split(linear(100), test_size=1 / 3, random_state=0)
    assert (len(train), len(test)) == (66, 34)
    np.testing.assert_array_equal(np.sort([*train.targets, *test.targets]), np.sort(linear(100).targets))


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
