"""The article's step in NumPy, as the article writes it: float64; and in float32, as the data are."""

import numpy as np

VERSIONS = {"numpy": np.__version__}


def variants(_device):
    return {"NumPy f32": cast(np.float32), "NumPy f64": cast(np.float64)}


def place(array, _device):
    return array


def cast(kind):
    return lambda inputs, targets, weight, rate: prepare(*(a.astype(kind) for a in (inputs, targets, weight)), rate)


def prepare(inputs, targets, weight, rate):
    def run(iterations):
        w = weight.copy()
        for _ in range(iterations):
            y = 1 / (1 + np.exp(-(inputs @ w)))
            w += rate * (inputs.T @ ((targets - y) * y * (1 - y)))
        return w

    return run
