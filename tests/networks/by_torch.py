"""torch's optimizers, with its functions and their derivatives."""

import torch
from order import batch
from torch.nn import functional

ACTIVATIONS = {
    "relu": functional.relu,
    "leaky-relu": lambda z: functional.leaky_relu(z, 0.01),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
}


def loss(run, layers, x, t):
    for weight, bias in layers[:-1]:
        x = ACTIVATIONS[run["hidden-activation"]](functional.linear(x, weight, bias))
    z = functional.linear(x, *layers[-1])
    if run["activation"] == "softmax":
        return functional.cross_entropy(z, t.argmax(dim=1))
    if run["activation"] == "sigmoid":
        return functional.binary_cross_entropy_with_logits(z, t)
    # torch's mean is over the outputs too.
    return 0.5 * functional.mse_loss(z, t) * t.shape[1]


def optimizer(run, layers):
    """With a decay of the weights alone, which for all but AdamW is that of an L2 penalty."""
    decay = run["weight-decay" if run["optimizer"] == "adamw" else "l2"]
    groups = [{"params": [weight for weight, _ in layers], "weight_decay": decay}]
    if run["bias"]:
        groups.append({"params": [bias for _, bias in layers], "weight_decay": 0})
    rate = run["learning-rate"]
    match run["optimizer"]:
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate)
        case "adam":
            return torch.optim.Adam(groups, lr=rate)
        case "momentum":
            return torch.optim.SGD(groups, lr=rate, momentum=run["momentum"])
        case "gradient-descent":
            return torch.optim.SGD(groups, lr=rate)


def train(run, layers, x, t):
    """The mean loss at the end; `layers`, a list of [weight (O, I), bias (O)], are what is trained."""
    x, t = torch.tensor(x), torch.tensor(t)
    trained = [[torch.tensor(weight, requires_grad=True), None] for weight, _ in layers]
    if run["bias"]:
        trained = [[weight, torch.tensor(bias, requires_grad=True)] for (weight, _), (_, bias) in zip(trained, layers)]
    steps = optimizer(run, trained)
    for update in range(run["iterations"]):
        size = run["batch-size"]
        rows = slice(None) if size == "all" else batch(run["seed"], size, len(x), update)
        steps.zero_grad()
        loss(run, trained, x[rows], t[rows]).backward()
        steps.step()
    layers[:] = [[part if part is None else part.detach().numpy() for part in layer] for layer in trained]
    return loss(run, trained, x, t).item()
