"""Writes the table beside this file and what torch and scikit-learn reach on it: python3 reference.py

The first ten updates of torch's optimizers, and the minima of the penalised loss by scikit-learn, which Newton's
method in NumPy confirms. Made with torch 2.15.0, scikit-learn 1.9.1, NumPy 2.4.6.
"""

import json
import pathlib

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
SEED, STEPS = 5, 10


def table():
    """Features of unlike scales, of which two do not matter, and labels that no line divides."""
    random = np.random.RandomState(11)
    inputs = (random.normal(size=(80, 6)) * [1, 3, 0.5, 1, 2, 1] + [0, 1, 0, -1, 0, 0]).round(3)
    z = inputs @ [1, -0.5, 2, 0.5, 0, 0] + 0.7
    targets = (z + random.logistic(size=80) > 0).astype(int)
    lines = [",".join(map(str, [*x, t])) for x, t in zip(inputs, targets)]
    (HERE / "table.csv").write_text("\n".join(["a,b,c,d,e,f,y", *lines]) + "\n")
    return inputs.astype(np.float32).astype(float), targets.astype(float)


def start(n_inputs):
    """The program's own: NumPy's, the bias drawn last."""
    return 2 * np.random.RandomState(SEED).random_sample(n_inputs + 1) - 1


def loss(inputs, targets, parameters, l1=0.0, l2=0.0):
    weight, bias = parameters[:-1], parameters[-1]
    z = inputs @ weight + bias
    data = np.mean(np.maximum(z, 0) - z * targets + np.log1p(np.exp(-np.abs(z))))
    return data + l1 * np.abs(weight).sum() + l2 / 2 * weight @ weight


def trajectory(inputs, targets, make, schedule=None, l2=0.0, clip=None):
    x, t = torch.tensor(inputs), torch.tensor(targets)
    first = start(inputs.shape[1])
    weight = torch.tensor(first[:-1], requires_grad=True)
    bias = torch.tensor(first[-1:], requires_grad=True)
    optimizer = make([{"params": [weight], "weight_decay": l2}, {"params": [bias], "weight_decay": 0.0}])
    schedule = schedule and schedule(optimizer)
    steps = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(x @ weight + bias, t).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_([weight, bias], clip)
        optimizer.step()
        if schedule:
            schedule.step()
        steps.append([*weight.tolist(), *bias.tolist()])
    return steps


def newton(inputs, targets, parameters, l1, l2):
    """To the minimum at which the weights that are 0 stay 0 and the others keep their signs."""
    x = np.hstack([inputs, np.ones((len(inputs), 1))])
    penalised = np.array([1.0] * inputs.shape[1] + [0.0])
    free = (parameters != 0) | (penalised == 0)
    signs = np.sign(parameters) * penalised
    for _ in range(50):
        y = 1 / (1 + np.exp(-x @ parameters))
        gradient = x.T @ (y - targets) / len(x) + l1 * signs + l2 * penalised * parameters
        hessian = (x.T * (y * (1 - y))) @ x / len(x) + l2 * np.diag(penalised)
        parameters[free] -= np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
    assert np.abs(gradient[free]).max() < 1e-14, gradient
    assert (np.abs(gradient[~free]) < l1).all(), "a weight leaves 0"
    assert (np.sign(parameters) * penalised == signs).all(), "a weight changes its sign"
    return parameters


def minimum(inputs, targets, l1, l2):
    n = len(inputs)
    settings = {"C": 1 / (n * (l1 + l2)), "l1_ratio": l1 / (l1 + l2), "max_iter": 1_000_000, "tol": 1e-12}
    found = LogisticRegression(solver="saga" if l1 else "lbfgs", **settings).fit(inputs, targets)
    found = np.array([*found.coef_[0], *found.intercept_])
    polished = newton(inputs, targets, found.copy(), l1, l2)
    assert np.abs(polished - found).max() < 1e-4, "scikit-learn and Newton disagree"
    return {"l1": l1, "l2": l2, "loss": loss(inputs, targets, polished, l1, l2), "parameters": polished.tolist()}


if __name__ == "__main__":
    data = table()
    sgd, adam, rates = torch.optim.SGD, torch.optim.Adam, torch.optim.lr_scheduler
    reference = {
        "trajectories": {
            "momentum": trajectory(*data, lambda p: sgd(p, lr=0.5, momentum=0.8), l2=0.03),
            "adam": trajectory(*data, lambda p: adam(p, lr=0.2), l2=0.03),
            "nesterov": trajectory(*data, lambda p: sgd(p, lr=0.5, momentum=0.8, nesterov=True), l2=0.03),
            "rmsprop": trajectory(*data, lambda p: torch.optim.RMSprop(p, lr=0.2), l2=0.03),
            "adamw": trajectory(*data, lambda p: torch.optim.AdamW(p, lr=0.2), l2=0.3),
            "clip": trajectory(*data, lambda p: sgd(p, lr=0.5, momentum=0.8), clip=0.2),
            "warm_up": trajectory(*data, lambda p: sgd(p, lr=0.5), lambda o: rates.LambdaLR(o, lambda t: min(1, (t + 1) / 4))),
            "step": trajectory(*data, lambda p: sgd(p, lr=0.5), lambda o: rates.StepLR(o, 3, 0.5)),
            "cosine": trajectory(*data, lambda p: sgd(p, lr=0.5), lambda o: rates.CosineAnnealingLR(o, STEPS)),
            "inverse": trajectory(*data, lambda p: sgd(p, lr=0.5), lambda o: rates.LambdaLR(o, lambda t: 1 / (1 + t))),
        },
        "minima": [minimum(*data, l1, l2) for l1, l2 in [(0, 0.01), (0, 1.0), (0.03, 0), (0.1, 0), (0.02, 0.05)]],
    }
    (HERE / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
