"""The article's rule in float64 NumPy, in blocks of rows: what every result is held against."""

import numpy as np

BLOCK_VALUES = 1 << 22


def start(n_inputs, n_outputs):
    """Weights (I,O) of seed 1."""
    return 2 * np.random.RandomState(1).random_sample((n_inputs, n_outputs)) - 1


def train(inputs, targets, weight, rate, iterations):
    rows = max(1, BLOCK_VALUES // inputs.shape[1])
    for _ in range(iterations):
        gradient = np.zeros_like(weight)
        for first in range(0, len(inputs), rows):
            x, t = inputs[first : first + rows].astype(float), targets[first : first + rows]
            y = 1 / (1 + np.exp(-(x @ weight)))
            gradient += x.T @ ((t - y) * y * (1 - y))
        weight = weight + rate * gradient
    return weight


def error(weight, reference, start):
    """Largest difference to the reference, in units of the way it went: weights that stayed at the start have 1."""
    if weight.shape != reference.shape or not np.isfinite(weight).all():
        return float("inf")
    return float(np.abs(weight - reference).max() / np.abs(reference - start).max())
