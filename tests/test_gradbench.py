"""The modules of GradBench at tiny sizes, against formulas of NumPy; no checkout of GradBench is needed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from math import factorial, lgamma, pi
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import jit
from benchmarks.gradbench import MODULES, awaited, ba, evaluate, ht, particle, saddle
from benchmarks.gradbench import __main__ as command
from benchmarks.gradbench.descent import WAYS, Way, argmin
from benchmarks.gradbench.session import Command, Session, Workload, held

ROOT = Path(autograd.__file__).parent.parent
RNG = np.random.default_rng(31337)
MODES = [outer + inner for outer, inner in product("fr", repeat=2)]


def answered(module: str, function: str, given: Any) -> Any:
    """Return the output for an input, both as JSON has them."""
    message = {"id": 1, "kind": "evaluate", "module": module, "function": function, "input": given}
    (line,) = command.responses([json.dumps(message)])
    response = json.loads(line)
    assert response["success"], response["error"]
    assert response["timings"]
    assert response["id"] == 1
    return response["output"]


def differences(f: Callable[[Any], Any], x: Any, step: float = 1e-6) -> Any:
    """Return the Jacobian of a function of an array by central differences."""
    columns = []
    for index in np.ndindex(x.shape):
        change = np.zeros(x.shape)
        change[index] = step
        columns.append((np.asarray(f(x + change)) - np.asarray(f(x - change))) / (2.0 * step))
    return np.stack(columns, axis=-1).reshape(*np.shape(columns[0]), *x.shape)


def near(found: Any, expected: Any, tolerance: float = 1e-7) -> None:
    """Assert that two arrays, or nested lists, are equal."""
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------------------ protocol


def test_the_start_is_answered_with_the_name_of_the_tool() -> None:
    """The first response names the tool."""
    assert [*command.responses(['{"id": 7, "kind": "start", "eval": "llsq"}'])] == [
        '{"id": 7, "tool": "chainrule"}'
    ]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_is_defined(module: str) -> None:
    """A module that GradBench has is there."""
    assert command.answer({"id": 0, "kind": "define", "module": module}) == {"success": True}


@pytest.mark.parametrize("module", ["nothing", "timed", "__main__", "../hello"])
def test_no_other_module_is_defined(module: str) -> None:
    """A module that GradBench may have some day is refused, and so is a file of ours that is none."""
    response = command.answer({"id": 0, "kind": "define", "module": module})
    assert not response["success"]
    assert f"expected one of the modules hello, llsq, {''}" in response["error"]
    assert response["error"].strip().endswith(f"got {module!r}")


@pytest.mark.parametrize(
    "message", [{"kind": "analysis", "of": 1, "valid": False}, {"kind": "end"}, {"kind": "something new"}]
)
def test_other_messages_are_acknowledged(message: dict[str, Any]) -> None:
    """What asks for nothing is answered with its identifier."""
    assert [*command.responses([json.dumps({"id": 3} | message)])] == ['{"id": 3}']


def test_a_failure_is_a_response() -> None:
    """What raises, or is not there, is reported, and the session goes on."""
    for function, given in (("gradient", {"x": "letters"}), ("hessian", {"x": [1.0]})):
        message = {"id": 0, "kind": "evaluate", "module": "lse", "function": function, "input": given}
        response = command.answer(message)
        assert response["success"] is False
        assert "Error" in response["error"]


def test_runs_are_repeated() -> None:
    """A function runs as often, and as long, as the input asks for; each run is a timing."""
    given = {"x": [1.0, 2.0], "min_runs": 5, "min_seconds": 0.0}
    message = {"id": 0, "kind": "evaluate", "module": "lse", "function": "primal", "input": given}
    assert [timing["name"] for timing in command.answer(message)["timings"]] == ["evaluate"] * 5
    given |= {"min_runs": 1, "min_seconds": 0.01}
    assert sum(timing["nanoseconds"] for timing in command.answer(message)["timings"]) >= 1e7


def test_the_program_speaks_on_stdin_and_stdout() -> None:
    """Each line is a message, and each response a line."""
    messages = [
        {"id": 0, "kind": "start"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "evaluate", "module": "hello", "function": "double", "input": 3.0},
    ]
    spoken = subprocess.run(
        [sys.executable, "-m", "benchmarks.gradbench"],
        input="".join(json.dumps(message) + "\n" for message in messages),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    responses = [json.loads(line) for line in spoken.stdout.splitlines()]
    assert [response["id"] for response in responses] == [0, 1, 2]
    assert responses[2]["output"] == 6.0


# ------------------------------------------------------------------------------------------------- modules


def test_hello() -> None:
    """The square, and its derivative."""
    assert answered("hello", "square", 3.0) == 9.0
    assert answered("hello", "double", 3) == 6.0


@pytest.mark.parametrize(("n", "m"), [(5, 4), (4, 1), (9, 2)])
def test_llsq(n: int, m: int) -> None:
    """Half the squared residuals of a polynomial."""
    x, t = RNG.random(m), -1.0 + 2.0 * np.arange(n) / (n - 1)
    powers = t[:, None] ** np.arange(m)
    residuals = np.sign(t) - powers @ x
    near(answered("llsq", "primal", {"x": x.tolist(), "n": n}), 0.5 * residuals @ residuals)
    near(answered("llsq", "gradient", {"x": x.tolist(), "n": n}), -powers.T @ residuals)


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_lse(shift: float) -> None:
    """The gradient is the softmax; large numbers do not overflow."""
    x = RNG.normal(size=7)
    total = np.exp(x).sum()
    given = {"x": (x + shift).tolist()}
    near(answered("lse", "primal", given), np.log(total) + shift)
    near(answered("lse", "gradient", given), np.exp(x) / total)


@pytest.mark.parametrize("steps", [1, 5])
def test_ode(steps: int) -> None:
    """The components are powers of time, and the method is exact up to the fourth."""
    x = RNG.random(4) + 0.5
    ends = np.array([np.prod(x[: i + 1]) * 2.0 ** (i + 1) / factorial(i + 1) for i in range(4)])
    near(answered("ode", "primal", {"x": x.tolist(), "s": steps}), ends)
    near(answered("ode", "gradient", {"x": x.tolist(), "s": steps}), ends[-1] / x)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_det(size: int) -> None:
    """The gradient is the matrix of cofactors."""
    a = RNG.normal(size=(size, size))
    given = {"A": a.ravel().tolist(), "ell": size}
    near(answered("det", "primal", given), np.linalg.det(a))
    near(answered("det", "gradient", given), (np.linalg.det(a) * np.linalg.inv(a).T).ravel())


def mixture(d: int, k: int, n: int, m: int) -> dict[str, Any]:
    """Return an input of `gmm`, of arrays."""
    return {
        "d": d,
        "k": k,
        "n": n,
        "m": m,
        "gamma": 1.3,
        "x": RNG.normal(size=(n, d)),
        "alpha": RNG.normal(size=k),
        "mu": RNG.random((k, d)),
        "q": 0.3 * RNG.normal(size=(k, d)),
        "l": RNG.normal(size=(k, d * (d - 1) // 2)),
    }


def log_posterior(given: dict[str, Any]) -> float:
    """Return the logarithm of the posterior, by its definition with densities, matrices and determinants."""
    d, m, gamma = given["d"], given["m"], given["gamma"]
    weights = np.exp(given["alpha"]) / np.exp(given["alpha"]).sum()
    freedom = d + m + 1
    log_gammas = 0.25 * d * (d - 1) * np.log(pi) + sum(lgamma(0.5 * (freedom - i)) for i in range(d))
    densities, prior = np.zeros(len(given["x"])), 0.0
    for weight, mu, q, below in zip(weights, given["mu"], given["q"], given["l"], strict=True):
        factor = np.diag(np.exp(q))
        factor[np.triu_indices(d, 1)[::-1]] = below
        precision = factor.T @ factor
        determinant = np.linalg.det(precision)
        distances = np.array([(x - mu) @ precision @ (x - mu) for x in given["x"]])
        densities += weight * np.exp(-0.5 * distances) * np.sqrt(determinant / (2.0 * pi) ** d)
        prior += 0.5 * m * np.log(determinant) - 0.5 * gamma**2 * np.trace(precision)
        prior += freedom * d * np.log(gamma) - 0.5 * freedom * d * np.log(2.0) - log_gammas
    return float(np.log(densities).sum() + prior)


def posterior_at(given: dict[str, Any], name: str, part: Any) -> float:
    """Return the log posterior with another value of a variable."""
    return log_posterior(given | {name: part})


@pytest.mark.parametrize(("d", "k", "n", "m"), [(2, 3, 4, 0), (3, 2, 5, 2)])
def test_gmm(d: int, k: int, n: int, m: int) -> None:
    """The log posterior is that of the definition, and its gradient that of differences."""
    given = mixture(d, k, n, m)
    message = {name: part.tolist() if isinstance(part, np.ndarray) else part for name, part in given.items()}
    near(answered("gmm", "objective", message), log_posterior(given))
    found = answered("gmm", "jacobian", message)
    assert found.keys() == {"alpha", "mu", "q", "l"}
    for name, slope in found.items():
        expected = differences(partial(posterior_at, given, name), given[name])
        near(slope, expected, 1e-6)


def test_kmeans() -> None:
    """Newton's direction leads from the mean of the points next to a centroid to the centroid."""
    points = RNG.random((12, 3))
    centroids = points[-4:] + 0.01
    distances = ((points[:, None] - centroids) ** 2).sum(axis=2)
    closest = distances.argmin(axis=1)
    given = {"points": points.tolist(), "centroids": centroids.tolist()}
    near(answered("kmeans", "cost", given), distances.min(axis=1).sum())
    means = np.array([points[closest == i].mean(axis=0) for i in range(4)])
    near(answered("kmeans", "dir", given), centroids - means)


def lstm_loss(main: Any, extra: Any, state: Any, sequence: Any) -> float:
    """Return the loss of the recurrence, in NumPy."""
    hidden, cell = state[0::2].copy(), state[1::2].copy()
    total = 0.0
    for x, y in pairwise(sequence):
        x = x * extra[0]
        for layer in range(len(hidden)):
            forget, ingate, outgate, change = np.split(main[2 * layer], 4) * np.stack(
                [x, hidden[layer], x, hidden[layer]]
            ) + np.split(main[2 * layer + 1], 4)
            ingate, outgate, forget = (1.0 / (1.0 + np.exp(-z)) for z in (ingate, outgate, forget))
            cell[layer] = cell[layer] * forget + ingate * np.tanh(change)
            x = hidden[layer] = outgate * np.tanh(cell[layer])
        prediction = x * extra[1] + extra[2]
        total += y @ (prediction - np.log(np.exp(prediction).sum() + 2.0))
    return float(-total / sequence[1:].size)


@pytest.mark.parametrize(("layers", "characters"), [(1, 2), (2, 5)])
def test_lstm(layers: int, characters: int) -> None:
    """The loss is that of NumPy, and its gradient that of differences, flat."""
    bits = 3
    main, extra = RNG.random((2 * layers, 4 * bits)), RNG.random((3, bits))
    state, sequence = RNG.random((2 * layers, bits)), (RNG.random((characters, bits)) > 0.5) * 1.0
    given = {
        "main_params": main.tolist(),
        "extra_params": extra.tolist(),
        "state": state.tolist(),
        "sequence": sequence.tolist(),
    }
    near(answered("lstm", "objective", given), lstm_loss(main, extra, state, sequence))
    by_main = differences(lambda part: lstm_loss(part, extra, state, sequence), main)
    by_extra = differences(lambda part: lstm_loss(main, part, state, sequence), extra)
    expected = np.concatenate([by_main, by_extra], axis=None)
    near(answered("lstm", "jacobian", given), expected, 1e-6)


def turned(axis: Any, x: Any) -> Any:
    """Return points turned about an axis by its length, by the exponential series of the cross product."""
    generator = np.cross(np.eye(3), axis)
    powers = [np.linalg.matrix_power(generator, i) / factorial(i) for i in range(30)]
    return x @ np.sum(powers, axis=0).T


def observation_error(parameters: Any, feature: Any) -> Any:
    """Return the reprojection error of an observation, as a function of camera, point and weight."""
    camera, point, weight = parameters[:11], parameters[11:14], parameters[14]
    seen = turned(camera[:3], point - camera[3:6])
    flat = seen[:2] / seen[2]
    squared = flat @ flat
    distorted = flat * (1.0 + camera[9] * squared + camera[10] * squared**2)
    return weight * (distorted * camera[6] + camera[7:9] - feature)


@pytest.mark.parametrize("rotation", [[0.3, -0.2, 0.4], [0.0, 0.0, 0.0]])
def test_ba(rotation: list[float]) -> None:
    """Errors and Jacobian are those of NumPy; a camera that is not turned has finite derivatives."""
    camera = np.array([*rotation, 0.1, 0.2, -0.3, 5.0, 0.5, -0.5, 0.1, 0.02])
    point, weight, feature = np.array([0.4, -0.3, 2.0]), 0.9, np.array([0.2, 0.7])
    n, m, p = 2, 3, 4
    given = {
        "n": n,
        "m": m,
        "p": p,
        "cam": camera.tolist(),
        "x": point.tolist(),
        "w": weight,
        "feat": feature.tolist(),
    }
    parameters = np.concatenate([camera, point, [weight]])
    errors = answered("ba", "objective", given)
    near(errors["reproj_error"]["elements"], observation_error(parameters, feature))
    near(errors["w_err"]["element"], 1.0 - weight**2)
    assert errors["reproj_error"]["repeated"] == errors["w_err"]["repeated"] == p
    found = answered("ba", "jacobian", given)
    block = differences(partial(observation_error, feature=feature), parameters)
    near(found["vals"], [*block.ravel(), -2.0 * weight], 1e-6)
    columns = [*range(11), *(11 * n + i for i in range(3)), 11 * n + 3 * m]
    assert found["cols"] == [*columns, *columns, 11 * n + 3 * m + p - 1]
    starts = [*range(0, 30 * p + 1, 15), *(30 * p + 1 + i for i in range(p))]
    assert found["rows"] == [*starts[:30], starts[-1]]


def test_observations_are_taken_some_at_once() -> None:
    """The rows of all observations are the same, however many of them a program is given at once."""
    scene = ba.Scene(
        cameras=RNG.uniform(0.5, 1.0, (ba.CAMERA, 3)),
        points=RNG.uniform(2.0, 3.0, (ba.POINT, 4)),
        weights=RNG.uniform(0.5, 1.5, 7),
        features=RNG.uniform(-1.0, 1.0, (2, 7)),
        camera_of=np.arange(7) % 3,
        point_of=np.arange(7) % 4,
    )
    found = [ba.sparse_rows(scene, ba.slopes, some) for some in (2, 7, 100)]
    for rows, columns, values in found[:2]:
        np.testing.assert_array_equal(rows, found[2].rows)
        np.testing.assert_array_equal(columns, found[2].columns)
        np.testing.assert_allclose(values, found[2].values, rtol=1e-13)


BONES = 22
PARENTS = [-1, *(max(i, 0) if (i % 4) else 0 for i in range(BONES - 2)), 0]


def hand(points: int, is_mirrored: bool, has_triangles: bool) -> dict[str, Any]:
    """Return an input of `ht`, of arrays."""
    weights = RNG.random((6, BONES))
    return {
        "theta": 0.5 * RNG.normal(size=26),
        "us": RNG.random((points, 2)) if has_triangles else np.zeros((0, 2)),
        "data": {
            "points": RNG.normal(size=(points, 3)),
            "correspondences": RNG.integers(0, 4, size=points),
            "model": {
                "bone_count": BONES,
                "bone_names": [f"bone {i}" for i in range(BONES)],
                "parents": np.array(PARENTS),
                "base_relatives": np.eye(4) + 0.1 * RNG.normal(size=(BONES, 4, 4)),
                "inverse_base_absolutes": np.eye(4) + 0.1 * RNG.normal(size=(BONES, 4, 4)),
                "base_positions": np.concatenate([RNG.normal(size=(6, 3)), np.ones((6, 1))], axis=1),
                "weights": weights / weights.sum(axis=1, keepdims=True),
                "triangles": RNG.integers(0, 6, size=(4, 3)),
                "is_mirrored": is_mirrored,
            },
        },
    }


def listed(tree: Any) -> Any:
    """Return a tree with lists for arrays."""
    if isinstance(tree, dict):
        return {key: listed(part) for key, part in tree.items()}
    return tree.tolist() if isinstance(tree, np.ndarray) else tree


def hand_residuals(theta: Any, us: Any, data: Any) -> Any:
    """Return the residuals of the points, with each vertex of the hand moved by each bone."""
    model = data["model"]
    poses = np.zeros((BONES, 3))
    for finger in range(5):
        poses[2 + 4 * finger, :2] = theta[6 + 4 * finger : 8 + 4 * finger]
        poses[[3 + 4 * finger, 4 + 4 * finger], 0] = theta[8 + 4 * finger : 10 + 4 * finger]
    absolutes: list[Any] = []
    positions = np.zeros((1, 3))
    for bone, (bend, spread, _) in enumerate(poses):
        local = np.eye(4)
        local[:3, :3] = turned([0.0, 0.0, spread], turned([bend, 0.0, 0.0], np.eye(3))).T
        own = model["base_relatives"][bone] @ local
        parent = model["parents"][bone]
        absolutes.append(own if parent == -1 else absolutes[parent] @ own)
        moved = model["base_positions"] @ (absolutes[bone] @ model["inverse_base_absolutes"][bone]).T
        positions = positions + moved[:, :3] * model["weights"][:, [bone]]
    positions = positions * np.array([-1.0 if model["is_mirrored"] else 1.0, 1.0, 1.0])
    positions = turned(theta[:3], positions) + theta[3:6]
    if not len(us):
        return (data["points"] - positions[data["correspondences"]]).ravel()
    corners = positions[model["triangles"][data["correspondences"]]]
    coordinates = np.column_stack([us, 1.0 - us.sum(axis=1)])
    return (data["points"] - np.einsum("nc,ncx->nx", coordinates, corners)).ravel()


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("has_triangles", [False, True])
def test_ht(is_mirrored: bool, has_triangles: bool) -> None:
    """Residuals and Jacobian are those of NumPy: first the coordinates of a point itself, and then theta."""
    given = hand(3, is_mirrored, has_triangles)
    theta, us, data = given["theta"], given["us"], given["data"]
    near(answered("ht", "objective", listed(given)), hand_residuals(theta, us, data))
    expected = differences(lambda theta: hand_residuals(theta, us, data), theta)
    if has_triangles:
        by_us = differences(lambda us: hand_residuals(theta, us, data), us)
        own = by_us.reshape(3, 3, 3, 2)[np.arange(3), :, np.arange(3)].reshape(9, 2)
        expected = np.concatenate([own, expected], axis=1)
    near(answered("ht", "jacobian", listed(given)), expected, 1e-6)


def test_points_of_a_hand_are_taken_some_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals and Jacobian are the same, however many points a program is given at once."""
    given = listed(hand(7, is_mirrored=False, has_triangles=True))
    expected = [answered("ht", name, given) for name in ("objective", "jacobian")]
    monkeypatch.setattr(ht, "SOME", 3)
    for name, found in zip(("objective", "jacobian"), expected, strict=True):
        near(answered("ht", name, given), found, 1e-13)


def test_a_hand_that_is_not_turned() -> None:
    """Where the rotation is none, so are its derivatives."""
    given = hand(2, is_mirrored=False, has_triangles=True)
    given["theta"][:3] = 0.0
    near(
        answered("ht", "objective", listed(given)), hand_residuals(given["theta"], given["us"], given["data"])
    )
    found = np.array(answered("ht", "jacobian", listed(given)))
    assert np.isfinite(found).all()
    assert not found[:, 2:5].any()


@pytest.mark.parametrize("modes", MODES)
def test_saddle(modes: str) -> None:
    """The derivative of the ridge, through an ascent at each point of it, is that of |x|²."""
    outer, inner = (WAYS[mode] for mode in modes)
    x, start = np.array([0.3, -0.7]), np.array([0.4, 0.35])
    value, slope = outer(lambda x: saddle.ridge(x, start, inner))(x)
    near(value, x @ x, 1e-4)
    near(slope, 2.0 * x)
    # Too close for the descent to begin.
    assert answered("saddle", modes, {"start": [0.1, 0.2]}) == [0.1, 0.2, 0.1, 0.2]


def missed(w: float) -> float:
    """Return the square of where the particle meets the axis, with the force by hand."""
    x, velocity = np.array([0.0, 8.0]), np.array([0.75, 0.0])
    charges = np.array([[10.0, 10.0 - w], [10.0, 0.0]])
    while (next_x := x + 0.1 * velocity)[1] > 0.0:
        away = x - charges
        force = (away / np.linalg.norm(away, axis=1, keepdims=True) ** 3).sum(axis=0)
        x, velocity = next_x, velocity + 0.1 * force
    return float((x[0] - x[1] / velocity[1] * velocity[0]) ** 2)


@pytest.mark.parametrize("modes", MODES)
def test_particle(modes: str) -> None:
    """The path and its derivative by the control, with the force as a gradient, are those of NumPy."""
    outer, inner = (WAYS[mode] for mode in modes)
    near(particle.miss(0.1, inner), missed(0.1))
    value, slope = outer(lambda w: particle.miss(w[0], inner))(np.array([0.1]))
    near(value, missed(0.1))
    near(slope, [(missed(0.1 + 1e-6) - missed(0.1 - 1e-6)) / 2e-6], 1e-5)
    # A control with which the particle flies through the origin, up to GradBench's tolerance.
    near(answered("particle", modes, {"w": 0.20719}), 0.2071918746486116, 1e-4)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_descent(way: Way) -> None:
    """A descent ends where a step or the gradient is shorter than 1e-5, eagerly and compiled."""
    start = np.array([3.0, -2.0])
    evaluate = way(lambda x: (x - 1.0) @ (x - 1.0) + 2.0)
    near(argmin(evaluate, start), [1.0, 1.0], 1e-4)
    near(jit(lambda start: argmin(evaluate, start), backend="numpy")(start), [1.0, 1.0], 1e-4)


# -------------------------------------------------------------------------------------- the table of tools

EVALUATION = """
import json, sys
def send(message):
    print(json.dumps(message), flush=True)
    return json.loads(sys.stdin.readline())
send({"id": 0, "kind": "start"})
if send({"id": 1, "kind": "define", "module": "lse"})["success"]:
    for i, x in enumerate([[1.0], [1.0, 1.0]]):
        given = {"x": x, "min_runs": 2, "min_seconds": 0}
        response = send({"id": 2 + 2 * i, "kind": "evaluate", "module": "lse", "function": "primal",
                         "description": f"n={len(x)}", "input": given})
        valid = response["output"] == 1.0
        send({"id": 3 + 2 * i, "kind": "analysis", "of": 2 + 2 * i, "valid": valid, "error": "expected 1.0"})
"""


def python(source: str) -> Command:
    """Return how to start a program."""
    return Command([sys.executable, "-c", source], ROOT)


OUR_TOOL = Command([sys.executable, "-m", "benchmarks.gradbench"], ROOT)


def test_a_session_is_held() -> None:
    """The workloads are those that were evaluated, with their times, and with why one is not valid."""
    session = held("lse", "chainrule", python(EVALUATION), OUR_TOOL, limit=60.0)
    assert session.problem == ""
    assert [each.description for each in session.workloads] == ["n=1", "n=2"]
    assert [each.problem for each in session.workloads] == ["", "expected 1.0"]
    assert [len(each.seconds) for each in session.workloads] == [2, 2]
    assert evaluate.outcome(session) == "lse chainrule: 1 of 2 valid expected 1.0"


@pytest.mark.parametrize(
    ("evaluation", "tool", "problem"),
    [
        (EVALUATION, "raise SystemExit('no such tool')", "the tool failed: no such tool"),
        ("raise SystemExit('no such data')", "input()", "the evaluation failed: no such data"),
        (EVALUATION.replace('"lse"', '"esl"'), None, "got 'esl'"),
    ],
)
def test_a_session_that_fails(evaluation: str, tool: str | None, problem: str) -> None:
    """A session that cannot go on says why."""
    session = held("lse", "tool", python(evaluation), python(tool) if tool else OUR_TOOL, limit=60.0)
    assert session.problem.strip().endswith(problem)
    assert session.workloads == []


def test_a_session_that_takes_too_long() -> None:
    """A tool that does not answer is given up."""
    session = held(
        "lse", "tool", python(EVALUATION), python("import threading; threading.Event().wait()"), 0.5
    )
    assert session.problem == "ended after 0.5 s"


def session_of(tool: str, module: str, times: dict[str, list[float]], wrong: str = "") -> Session:
    """Return a session with these times, of which one description is not valid."""
    workloads = [Workload("f", name, runs, "bad" if name == wrong else "") for name, runs in times.items()]
    return Session(module, tool, workloads)


def test_the_table() -> None:
    """Ratios are of what both tools have a valid result of; the last row is their geometric mean."""
    sessions = [
        session_of("chainrule", "lse", {"small": [3.0, 1.0, 1.0, 3.0], "large": [6.0]}),
        session_of("manual", "lse", {"small": [1.0], "large": [1.0]}, wrong="large"),
        session_of("chainrule", "det", {"small": [4.0]}),
        session_of("manual", "det", {"small": [0.5]}),
        session_of("chainrule", "saddle", {"ff": [4.0], "rr": [3.0]}),
        session_of("chainrule", "hello", {"0": [9.0]}),
        session_of("manual", "hello", {"0": [1.0]}),
    ]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in evaluate.table(sessions, "mean").splitlines()
    ]
    assert rows[0][0] == "mean time"
    assert {len(row) for row in rows} == {9}
    assert rows[2] == ["lse", "2 of 2", "8.00", "1.00 (1 of 2)", "", "", "2.00", "", ""]
    assert rows[3][-3] == "8.00"
    assert rows[4][2] == "3.00"
    assert rows[-2] == ["geometric mean", "", "", "", "", "", "4.00", "", ""]
    assert rows[-1] == ["geometric mean without det, ode", "", "", "", "", "", "2.00", "", ""]
    assert "| 7.00 | 1.00 (1 of 2) |" in evaluate.table(sessions, "later")


def test_the_table_of_sizes() -> None:
    """Each size that ours has run has a row, with ratios to the tools that have run it."""
    sessions = [
        session_of("chainrule", "hello", {"0": [9.0]}),
        session_of("chainrule", "lse", {"small": [4.0, 1.0, 1.0], "large": [6.0]}),
        session_of("manual", "lse", {"small": [0.5]}),
        session_of("jax", "lse", {"small": [6.0, 1.0, 5.0], "large": [3.0]}),
        session_of("chainrule", "saddle", {"w=0": [4.0]}),
    ]
    sessions[1].workloads.append(Workload("g", "small", [8.0, 1.0, 3.0]))
    sessions[2].workloads.append(Workload("g", "small", [1.5]))
    head, _, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in evaluate.size_table(sessions).splitlines()
    ]
    assert head[3:5] + head[6:7] == ["ours / manual", "ours / jax", "later: ours / manual"]
    assert rows == [
        ["lse", "small", "6.00", "3.00", "0.50", "", "1.50", "0.33", ""],
        ["lse", "large", "6.00", "", "2.00", "", "", "2.00", ""],
        ["saddle", "w=0", "4.00", "", "", "", "", "", ""],
    ]


def test_the_tables_are_written(tmp_path: Path) -> None:
    """What was run so far stands in the files that the options name."""
    runs, text = tmp_path / "runs.json", tmp_path / "table.md"
    sessions = [session_of("chainrule", "lse", {"small": [3.0]})]
    evaluate.write(Namespace(json=runs, markdown=text), sessions)
    assert "| lse | small | 3.00 |" in text.read_text()
    assert json.loads(runs.read_text())[0]["tool"] == "chainrule"


def test_all_tools_run_alike(tmp_path: Path) -> None:
    """Tools get the same environment, but for our package, and JAX's waits for its results."""
    options = Namespace(checkout=tmp_path, python="python", min_seconds=1.0, small=False)
    found = {tool: evaluate.commands("lse", tool, options, "cache")[1] for tool in evaluate.TOOLS}
    peers = [found[tool].environment for tool in evaluate.OTHERS]
    assert peers[1:] == peers[:-1]
    assert found["chainrule"].environment.items() <= peers[0].items()
    assert [Path(word).name for word in found["jax"].words] == ["python", "awaited.py", "run.py"]


def test_hands_are_those_of_the_checkout(tmp_path: Path) -> None:
    """A copy of GradBench without the largest file is evaluated up to the one before it."""
    directory = tmp_path / "evals" / "ht" / "data" / "complicated_big"
    directory.mkdir(parents=True)
    for i in (1, 2):
        (directory / f"hand{i}_t26_c100.txt").touch()
    assert evaluate.own_sizes(tmp_path, "ht") == "--max 2"
    assert evaluate.own_sizes(tmp_path, "lse") == ""


AWAITED = """\
import sys
from gradbench import wrap
import beside

run = wrap.multiple_runs(pre=float)(lambda x: 2.0 * x)
beside.results.append((sys.argv, run(3.0)))
"""


def test_jax_is_awaited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A tool of GradBench times its functions until their results are there."""

    def multiple_runs(pre: Callable[[Any], Any]) -> Callable[[Callable[[Any], Any]], Any]:
        return lambda function: lambda given: function(pre(given))

    wrap = SimpleNamespace(multiple_runs=multiple_runs)
    monkeypatch.setitem(sys.modules, "gradbench", SimpleNamespace(wrap=wrap))
    monkeypatch.setitem(sys.modules, "gradbench.wrap", wrap)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(block_until_ready=lambda found: ("there", found)))
    (tmp_path / "beside.py").write_text("results = []\n")
    script = tmp_path / "run.py"
    script.write_text(AWAITED)
    monkeypatch.setattr(sys, "path", ["elsewhere", *sys.path])
    monkeypatch.setattr(sys, "argv", ["awaited.py", str(script)])
    awaited.main()
    assert sys.modules.pop("beside").results == [([str(script)], ("there", 6.0))]


def test_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The script runs the evaluations of a checkout; its status is 1 where a result of ours is not valid."""
    program = tmp_path / "python" / "gradbench" / "gradbench" / "evals" / "lse" / "run.py"
    program.parent.mkdir(parents=True)
    program.write_text(EVALUATION)
    results = tmp_path / "results.json"
    words = ["evaluate", str(tmp_path), "--module", "lse", "--tool", "chainrule", "--json", str(results)]
    monkeypatch.setattr(sys, "argv", words)
    assert evaluate.main() == 1
    captured = capsys.readouterr()
    assert "| lse | 1 of 2 |" in captured.out
    assert "1 of 2 valid expected 1.0" in captured.err
    (session,) = json.loads(results.read_text())
    assert [len(each["seconds"]) for each in session["workloads"]] == [2, 2]


def test_runs_of_other_modules_and_tools_stay(tmp_path: Path) -> None:
    """Modules can be run one after the other; what the file has of one is replaced when it runs again."""
    runs = tmp_path / "runs.json"
    sessions = [session_of("chainrule", name, {"small": [3.0]}) for name in ("lse", "det")]
    evaluate.write(Namespace(json=runs, markdown=None), sessions)
    assert evaluate.kept_sessions(Namespace(json=runs, module=["det"], tool=None)) == sessions[:1]
    assert evaluate.kept_sessions(Namespace(json=runs, module=None, tool=["chainrule"])) == []
    assert evaluate.kept_sessions(Namespace(json=runs, module=["det"], tool=["jax"])) == sessions
    assert evaluate.kept_sessions(Namespace(json=tmp_path / "absent.json", module=None, tool=None)) == []


def test_the_command_reads_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The tool answers until its input ends."""
    monkeypatch.setattr(sys, "argv", ["gradbench", "--multithreaded"])
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id": 0, "kind": "start"}\n'))
    command.main()
    assert json.loads(capsys.readouterr().out) == {"id": 0, "tool": "chainrule"}
