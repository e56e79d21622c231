"""Holds exported models against ONNX Runtime: from the raw columns of a table it has to predict what `predict` does.

usage: python check.py PROGRAM     (with numpy and onnxruntime installed)

Each case trains on a table of its own, exports the model, and compares the predictions of both on the same rows, some of
them with gaps and texts that the training did not see. Where nothing fills gaps, they have to predict NaN. Tables are read here by Python's own csv module.
"""

import csv
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnxruntime

TOLERANCE = 1e-5
ROWS = 300


def column(make):
    return [make(row) for row in range(ROWS)]


def cases(rng):
    """(name, columns, flags, cells changed after the training as (row, column, text))"""
    normal = lambda mean, deviation: column(lambda _: repr(rng.gauss(mean, deviation)))
    small, large = normal(0, 1), normal(5e4, 3)
    # Exact in f32, so the columns have no offset; far from 0, so products with them would cancel in f32.
    far, near = (column(lambda _: str(1_000_000 + rng.randrange(100))) for _ in range(2))
    difference = [repr(0.37 * (int(a) - int(b))) for a, b in zip(far, near)]
    far_from_0 = {"a": far, "b": near, "y": difference}
    steps = column(lambda row: str(1_700_000_000 + 60 * row))
    wave = [str(1e-3 * (int(t) - 1_700_000_000) + float(x)) for t, x in zip(steps, small)]
    city = column(lambda _: rng.choice(["Bergen", "Oslo", "Tromsø", "two words"]))
    port = column(lambda _: rng.choice(["C", "Q", "S", ""]))
    gaps = [x if row % 7 else "" for row, x in enumerate(small)]
    far_gaps = [t if row % 5 else "" for row, t in enumerate(steps)]
    is_large = [str(int(float(x) > 0.3)) for x in small]
    kind = [("low", "mid", "high")[(float(x) > -0.4) + (float(x) > 0.6)] for x in small]
    share = [repr(1 / (1 + math.exp(-float(x)))) for x in small]
    price = [repr(1e9 + 0.25 * row) for row in range(ROWS)]
    odd = {"predictions": small, "inputs": large, "fill": gaps, "y": wave}
    impute = ["--impute", "median"]
    descent = ["--optimizer", "lbfgs", "--iterations", "60"]
    gelu = ["--hidden", "6", "--hidden-activation", "gelu"]
    return [
        ("numbers", {"a": small, "b": large, "y": share}, [], []),
        ("not-standardised", {"a": small, "b": share, "y": share}, ["--no-standardise"], []),
        ("no-bias", {"a": small, "y": share}, ["--no-bias"], []),
        ("far-from-0", far_from_0, [], []),
        ("far-from-0-not-standardised", far_from_0, ["--no-standardise"], []),
        ("far-from-0-no-bias", far_from_0, ["--no-bias"], []),
        ("far-from-0-neither", far_from_0, ["--no-bias", "--no-standardise"], []),
        ("regression", {"a": small, "b": large, "y": wave}, [], []),
        ("tanh", {"a": small, "y": share}, ["--activation", "tanh"], []),
        ("seconds", {"t": steps, "a": small, "y": wave}, [], []),
        ("seconds-classes", {"t": steps, "a": small, "y": kind}, [], []),
        ("target-far-from-0", {"a": column(str), "y": price}, [], []),
        ("two-targets", {"a": small, "y1": price, "y2": wave}, ["--target", "y1,y2"], []),
        ("gaps", {"a": gaps, "b": large, "y": is_large}, impute, [(3, "b", "")]),
        ("gaps-of-seconds", {"t": far_gaps, "a": small, "y": wave}, impute, [(3, "a", "")]),
        ("two-classes", {"a": small, "y": ["yes" if y == "1" else "no" for y in is_large]}, [], []),
        ("texts", {"city": city, "a": small, "y": kind}, ["--one-hot", "city"], [(5, "city", "Rome")]),
        (
            "texts-and-gaps",
            {"city": city, "port": port, "t": far_gaps, "a": gaps, "y": share},
            ["--one-hot", "city,port", "--impute", "mean"],
            [(1, "city", ""), (2, "port", "X"), (3, "a", "")],
        ),
        ("texts-alone", {"city": city, "y": is_large}, ["--one-hot", "city"], []),
        ("texts-alone-no-bias", {"city": city, "y": share}, ["--one-hot", "city", "--no-bias"], []),
        ("names-of-the-graph", odd, impute, []),
        ("names-of-inputs", {"city": city, **odd}, ["--one-hot", "city", *impute], [(1, "city", "")]),
        ("hidden", {"t": steps, "a": small, "y": wave}, ["--hidden", "9,5", *descent], []),
        ("hidden-gelu", {"a": far, "b": large, "y": kind}, [*gelu, *descent], []),
        (
            "hidden-texts",
            {"city": city, "t": far_gaps, "a": gaps, "y1": price, "y2": wave},
            ["--target", "y1,y2", "--one-hot", "city", *impute, "--hidden", "7", *descent],
            [(1, "city", ""), (3, "a", "")],
        ),
    ]


def write(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values()))


def feed(session, columns):
    """The raw columns as the inputs of the graph ask for them."""
    types = {"tensor(float)": numpy.float32, "tensor(double)": numpy.float64}
    number = lambda text: float(text) if text else math.nan
    wanted = session.get_inputs()
    if wanted[0].name == "inputs" and len(wanted) == 1:
        table = numpy.array([[number(text) for text in cells] for cells in columns.values()]).T
        return {"inputs": table.astype(types[wanted[0].type])}
    fed = {}
    for value in wanted:
        cells = columns[value.name]
        if value.type == "tensor(string)":
            fed[value.name] = numpy.array(cells, dtype=object)[:, None]
        else:
            fed[value.name] = numpy.array([number(text) for text in cells], types[value.type])[:, None]
    return fed


def check(program, folder, name, columns, flags, changes):
    table, model, exported, predicted = (
        str(folder / (name + ending)) for ending in (".csv", ".safetensors", ".onnx", ".npy")
    )
    run = lambda *words: subprocess.run([program, *words], check=True, capture_output=True)
    write(table, columns)
    run("train", table, "--output", model, "--backend", "cpu", *flags)
    for row, column, text in changes:
        columns[column] = [*columns[column][:row], text, *columns[column][row + 1 :]]
    write(table, columns)
    run("export", model, exported)
    run("predict", model, table, "--output", predicted, "--unknown-category", "zero")
    targets = flags[flags.index("--target") + 1].split(",") if "--target" in flags else ["y"]
    features = {column: cells for column, cells in columns.items() if column not in targets}
    session = onnxruntime.InferenceSession(exported)
    found = session.run(None, feed(session, features))[0]
    expected = numpy.load(predicted)
    if expected.shape[1] == 2 and found.shape[1] == 1 and len(targets) == 1:
        expected = expected[:, 1:]  # of two classes the graph gives the probability of the second
    assert found.shape == expected.shape, (name, found.shape, expected.shape)
    assert numpy.ptp(expected) > 1e-3, (name, "predictions that say nothing")
    # Beside what each output varies by: the offset of a target is added in float64.
    scale = numpy.maximum(1.0, numpy.ptp(expected, axis=0))
    error = float((numpy.abs(found - expected) / scale).max())
    print(f"{name:28} {error:8.1e}")
    for column, cells in features.items() if "--impute" not in flags else ():
        gap = session.run(None, feed(session, {**features, column: ["", *cells[1:]]}))[0]
        assert numpy.isnan(gap[0]).all(), (name, column, "a missing cell that nothing fills is predicted from")
    return error <= TOLERANCE


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        failed = [
            case[0]
            for case in cases(random.Random(1))
            if not check(program, Path(folder), case[0], case[1], case[2], case[3])
        ]
    if failed:
        sys.exit(f"more than {TOLERANCE} off: {', '.join(failed)}")


main()
