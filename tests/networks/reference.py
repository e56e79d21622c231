"""Writes the tables beside this file and what NumPy and torch make of them: python3 reference.py

Networks with hidden layers, in float64, which know nothing of the program: its starts and the order of its
mini-batches are made here as its documentation defines them. Made with NumPy 2.4.6, torch 2.15.0.
"""

import csv
import json
import pathlib

import by_numpy
import by_torch
import numpy as np

HERE = pathlib.Path(__file__).parent
UPDATES = 50


def write(name, inputs, targets):
    """A CSV of numbers whose decimals are not exact floats; `targets` are columns by their names."""
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([f"x{j}" for j in range(inputs.shape[1])] + list(targets))
        rows.writerows(zip(*inputs.T, *targets.values()))


def draw(random, n_samples, n_inputs, n_outputs):
    inputs = random.uniform(-2, 2, (n_samples, n_inputs)).round(3)
    bent = np.tanh(inputs @ random.uniform(-1, 1, (n_inputs, 5))) @ random.uniform(-1, 1, (5, n_outputs))
    return inputs, bent + random.normal(scale=0.1, size=bent.shape)


def tables():
    """Inputs and targets of a table of classes, one of 0 and 1, and one of numbers in (-1, 1)."""
    random = np.random.RandomState(5)
    inputs, bent = draw(random, 130, 4, 3)
    classes = bent.argmax(axis=1)
    write("classes", inputs, {"class": np.array(["a", "b", "c"])[classes]})
    of_classes = inputs, np.eye(3)[classes]
    inputs, bent = draw(random, 70, 4, 1)
    truths = (bent > 0).astype(int)
    write("truths", inputs, {"y": truths[:, 0]})
    of_truths = inputs, truths
    inputs, bent = draw(random, 101, 3, 2)
    numbers = (0.95 * bent / np.abs(bent).max()).round(3)
    write("numbers", inputs, {"y0": numbers[:, 0], "y1": numbers[:, 1]})
    of_numbers = inputs, numbers
    # The program reads cells as f32 and computes in float64.
    made = {"classes": of_classes, "truths": of_truths, "numbers": of_numbers}
    return {name: [part.astype(np.float32).astype(float) for part in parts] for name, parts in made.items()}


# The settings that go with a table, unless a run has others.
SETTINGS = {
    "classes": {"target": "class", "hidden": "6,5", "activation": "softmax", "loss": "cross-entropy"},
    "truths": {"target": "y", "hidden": "20", "activation": "sigmoid", "loss": "cross-entropy"},
    "numbers": {"target": "y0,y1", "hidden": "7,4,3", "activation": "identity", "loss": "squared-error"},
}


def start(run, n_inputs, n_outputs):
    """[weight (O, I), bias (O)] of each layer."""
    random = np.random.RandomState(run["seed"])
    hidden = list(map(int, run["hidden"].split(",")))
    activations = [run["hidden-activation"]] * len(hidden) + [run["activation"]]
    layers = []
    for i, o, activation in zip([n_inputs, *hidden], [*hidden, n_outputs], activations):
        usual = "he" if activation in ("relu", "leaky-relu", "gelu", "silu") else "glorot"
        init = run.get("init", usual)
        b = {"numpy": 1, "he": np.sqrt(6 / i), "glorot": np.sqrt(6 / (i + o))}[init]
        if init == "numpy" and run["bias"]:
            *weight, bias = random.uniform(-b, b, (i + 1, o))
        else:
            weight, bias = random.uniform(-b, b, (i, o)), np.zeros(o)
        layers.append([np.transpose(weight), bias])
    return layers


def numpy_runs():
    descent = {"optimizer": "gradient-descent", "learning-rate": 0.5}
    momentum = {"optimizer": "momentum", "momentum": 0.9, "learning-rate": 0.05}
    one = {"activation": "sigmoid", "loss": "squared-error", "reduction": "sum", "learning-rate": 0.03}
    tanh = {"activation": "tanh", "momentum": 0.8}
    return [
        {"table": "classes", "hidden-activation": "tanh", "init": "numpy", "bias": True, **descent},
        {"table": "truths", "hidden": "5", "hidden-activation": "relu", "init": "he", "bias": True, **momentum},
        {"table": "numbers", "hidden": "7", "hidden-activation": "gelu", "init": "glorot", "bias": False, **descent},
        {"table": "truths", "hidden": "6", "hidden-activation": "silu", "init": "numpy", "bias": True, **descent, **one},
        {"table": "numbers", "hidden-activation": "leaky-relu", "bias": True, **momentum, **tanh},
        {"table": "classes", "hidden": "9", "hidden-activation": "sigmoid", "init": "he", "bias": False, **momentum},
    ]


def torch_runs():
    """Each activation with each optimizer; tables, starts and biases in turn. Then mini-batches, the last one smaller."""
    optimizers = [
        {"optimizer": "adam", "learning-rate": 0.02, "l2": 0.01},
        {"optimizer": "adamw", "learning-rate": 0.03, "weight-decay": 0.1},
        {"optimizer": "momentum", "learning-rate": 0.05, "momentum": 0.8, "l2": 0.02},
    ]
    starts = [{"init": "numpy"}, {}, {"init": "glorot"}, {"init": "he"}, {}]
    for number in range(18):
        place, turn = number % 6, number // 6
        table, hidden = list(SETTINGS)[(place + turn) % 3], list(by_torch.ACTIVATIONS)[place]
        common = {"table": table, "hidden-activation": hidden, "bias": (place // 3 + turn) % 2 == 0}
        yield {**common, **starts[number % 5], **optimizers[turn]}
    descent = {"optimizer": "gradient-descent", "learning-rate": 0.2, "l2": 0}
    yield {"table": "classes", "hidden-activation": "relu", "bias": True, "batch-size": 32, **optimizers[1]}
    yield {"table": "truths", "hidden-activation": "silu", "bias": True, "batch-size": 16, **optimizers[0]}
    yield {"table": "numbers", "hidden-activation": "tanh", "bias": False, "batch-size": 25, **optimizers[2]}
    yield {"table": "truths", "hidden-activation": "gelu", "bias": True, "batch-size": 3, **descent}


def made(by, number, run, data):
    """The run with all its settings, and what it reaches."""
    usual = {"reduction": "mean", "batch-size": "all", "iterations": UPDATES, "seed": 20 + number}
    run = {**SETTINGS[run["table"]], **usual, **run}
    x, t = data[run["table"]]
    layers = start(run, x.shape[1], t.shape[1])
    first = [weight for weight, _ in layers]
    loss = by.train(run, layers, x, t)
    moved = max(np.abs(weight - before).max() for (weight, _), before in zip(layers, first))
    assert moved > 0.1, f"a run that does nothing tells nothing: {run}"
    reached = [{"weight": weight.tolist(), "bias": list(bias) if run["bias"] else None} for weight, bias in layers]
    table = run.pop("table")
    return {"by": by.__name__[3:], "table": table, "settings": run, "loss": loss, "layers": reached}


def main():
    data = tables()
    todo = [(by_numpy, run) for run in numpy_runs()] + [(by_torch, run) for run in torch_runs()]
    runs = [made(by, number, run, data) for number, (by, run) in enumerate(todo)]
    lines = ",\n".join(json.dumps(run) for run in runs)
    (HERE / "reference.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
