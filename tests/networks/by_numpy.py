"""Gradient descent and momentum in NumPy, with the gradient written out."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu(z):
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def gelu_slope(z):
    t = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)


# The value of each activation and its derivative, both by z.
ACTIVATIONS = {
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: np.where(z > 0, 1, 0)),
    "leaky-relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "gelu": (gelu, gelu_slope),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
}


def of_outputs(run, z, t):
    """The loss of each output, and dloss/dz."""
    if run["activation"] == "softmax":
        y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -t * np.log(y), y - t
    value, slope = ACTIVATIONS[run["activation"]]
    y = value(z)
    if run["loss"] == "cross-entropy":
        return -t * np.log(y) - (1 - t) * np.log(1 - y), y - t
    return 0.5 * (t - y) ** 2, (y - t) * slope(z)


def loss_and_gradient(run, layers, x, t):
    value, slope = ACTIVATIONS[run["hidden-activation"]]
    inputs, zs = [x], []
    for weight, bias in layers:
        zs.append(inputs[-1] @ weight.T + bias)
        inputs.append(value(zs[-1]))
    losses, error = of_outputs(run, zs[-1], t)
    scale = 1 / len(x) if run["reduction"] == "mean" else 1
    gradient = []
    for at in reversed(range(len(layers))):
        gradient.append((scale * error.T @ inputs[at], scale * error.sum(axis=0)))
        if at > 0:
            error = error @ layers[at][0] * slope(zs[at - 1])
    return scale * losses.sum(), gradient[::-1]


def train(run, layers, x, t):
    """The loss at the end; `layers`, a list of [weight (O, I), bias (O)], are what is trained."""
    velocity = [[0, 0] for _ in layers]
    for _ in range(run["iterations"]):
        _, gradient = loss_and_gradient(run, layers, x, t)
        for layer, moving, new in zip(layers, velocity, gradient):
            for part in range(2 if run["bias"] else 1):
                moving[part] = run.get("momentum", 0) * moving[part] + new[part]
                layer[part] = layer[part] - run["learning-rate"] * moving[part]
    return loss_and_gradient(run, layers, x, t)[0]
