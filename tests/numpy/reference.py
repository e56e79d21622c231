"""Writes the tables beside this file and NumPy's float64 weights for them: python3 reference.py

Ten lines of NumPy are the rule; the rest makes the tables and lists the settings.
"""

import csv
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def train(inputs, targets, loss, reduction, learning_rate, iterations, bias, seed):
    if bias:
        inputs = np.hstack([inputs, np.ones((len(inputs), 1))])
    random = np.random.RandomState(seed)
    weights = 2 * random.random_sample((inputs.shape[1], targets.shape[1])) - 1
    scale = 1 / len(inputs) if reduction == "mean" else 1
    for _ in range(iterations):
        y = 1 / (1 + np.exp(-(inputs @ weights)))
        error = targets - y
        weights += learning_rate * scale * inputs.T @ (error * y * (1 - y) if loss == "squared-error" else error)
    return weights.T


def table(name, n_samples, n_inputs, n_outputs, seed):
    """A CSV of numbers whose decimals are not exact floats; the last columns are the targets."""
    random = np.random.RandomState(seed)
    inputs = random.uniform(-2, 2, (n_samples, n_inputs)).round(3)
    targets = (inputs @ random.uniform(-1, 1, (n_inputs, n_outputs)) > 0).astype(int)
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([f"x{j}" for j in range(n_inputs)] + [f"y{o}" for o in range(n_outputs)])
        rows.writerows([*x, *t] for x, t in zip(inputs, targets))
    # The program reads cells as f32 and computes in float64.
    return inputs.astype(np.float32).astype(float), targets.astype(float)


TABLES = {"one_output": table("one_output", 41, 5, 1, 0), "three_outputs": table("three_outputs", 130, 9, 3, 7)}
SETTINGS = [
    ("one_output", "squared-error", "sum", 0.05, 200, False, 1),
    ("one_output", "cross-entropy", "mean", 0.5, 300, True, 2),
    ("one_output", "squared-error", "mean", 2.0, 100, True, 4294967295),
    ("three_outputs", "cross-entropy", "sum", 0.01, 150, True, 3),
    ("three_outputs", "squared-error", "mean", 1.0, 250, False, 123),
]
FIELDS = ["table", "loss", "reduction", "learning_rate", "iterations", "bias", "seed"]

if __name__ == "__main__":
    runs = []
    for setting in SETTINGS:
        weights = train(*TABLES[setting[0]], *setting[1:])
        runs.append({**dict(zip(FIELDS, setting)), "weights": weights.tolist()})
    (HERE / "reference.json").write_text(json.dumps(runs, indent=1) + "\n")
