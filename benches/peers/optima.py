"""The program beside the optima of random problems: how far its loss is off where it says "converged".

    python3 benches/peers/optima.py [--problems N] [--backend cpu|gpu] [--neuralnet PROGRAM]

A sigmoid, a softmax and a linear layer; weights of samples; L1, L2, both and neither; columns in units from 1e-6 to 1e6,
unscaled or standardised. The optimum is found here in float64: by Newton's method with a line search, or with an L1 penalty
by coordinate descent below a quadratic bound. Prints the problems that are off by more than 1e-9 of the loss (1e-5 on a
GPU), and exits 1 if one of them says "converged".
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

KINDS = ["sigmoid", "softmax", "identity"]
PENALTIES = [(0.0, 0.1), (0.0, 1e-3), (0.01, 0.0), (0.005, 0.01)]  # l1, l2
OUTPUTS = {"sigmoid": 1, "softmax": 3, "identity": 2}
CONVERGED = ("gradient", "rounding")


def activation(kind, z):
    if kind == "identity":
        return z
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-z))
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def data_loss(kind, z, y, w):
    if kind == "identity":
        losses = ((z - y) ** 2).sum(1) / 2
    elif kind == "sigmoid":
        losses = np.logaddexp(0, z[:, 0]) - y[:, 0] * z[:, 0]
    else:
        largest = z.max(1, keepdims=True)
        losses = (largest + np.log(np.exp(z - largest).sum(1, keepdims=True)))[:, 0] - (z * y).sum(1)
    return (w * losses).sum() / w.sum()


def newton(kind, x, y, w, l2):
    """The least loss with an L2 penalty alone, in columns of the root mean square 1."""
    rms = np.sqrt((w[:, None] * x**2).sum(0) / w.sum())
    a = np.hstack([x / rms, np.ones((len(x), 1))])
    penalty = np.append(l2 / rms**2, 0.0)
    n_outputs, width = y.shape[1], a.shape[1]
    loss = lambda t: data_loss(kind, a @ t.T, y, w) + 0.5 * (penalty * t**2).sum()
    t = np.zeros((n_outputs, width))
    for _ in range(200):
        p = activation(kind, a @ t.T)
        gradient = (w[:, None] * (p - y)).T @ a / w.sum() + penalty * t
        hessian = np.zeros((n_outputs, width, n_outputs, width))
        for o in range(n_outputs):
            for q in range(n_outputs):
                same = float(o == q)
                slope = {"identity": same, "sigmoid": p[:, 0] * (1 - p[:, 0]), "softmax": p[:, o] * (same - p[:, q])}
                curvature = (a * (w * slope[kind])[:, None]).T @ a / w.sum()
                hessian[o, :, q, :] = curvature + same * np.diag(penalty)
        size = n_outputs * width
        step = np.linalg.lstsq(hessian.reshape(size, size), gradient.ravel(), rcond=1e-14)[0].reshape(t.shape)
        before, length = loss(t), 1.0
        while loss(t - length * step) > before - 1e-4 * length * (gradient * step).sum() and length > 1e-10:
            length /= 2
        if length <= 1e-10 or loss(t - length * step) >= before:
            break
        t = t - length * step
    return loss(t)


def coordinate_descent(kind, x, y, w, l1, l2):
    """The least loss with an L1 penalty: each coordinate to the minimum of a parabola that lies above."""
    most = {"identity": 1.0, "sigmoid": 0.25, "softmax": 0.5}[kind]
    curvature = most * (w[:, None] * x**2).sum(0) / w.sum()
    weight, bias, z = np.zeros((y.shape[1], x.shape[1])), np.zeros(y.shape[1]), np.zeros(y.shape)
    loss = lambda: data_loss(kind, z, y, w) + l1 * np.abs(weight).sum() + l2 / 2 * (weight**2).sum()
    last = np.inf
    for sweep in range(30_000):
        for o in range(y.shape[1]):
            for j in range(x.shape[1]):
                error = w * (activation(kind, z)[:, o] - y[:, o]) / w.sum()
                h = curvature[j] + l2
                target = weight[o, j] - ((error * x[:, j]).sum() + l2 * weight[o, j]) / h
                moved = np.sign(target) * max(abs(target) - l1 / h, 0)
                z[:, o] += x[:, j] * (moved - weight[o, j])
                weight[o, j] = moved
            error = w * (activation(kind, z)[:, o] - y[:, o]) / w.sum()
            bias[o] -= error.sum() / most
            z[:, o] -= error.sum() / most
        if sweep % 50 == 49:
            if last - loss() <= 1e-14 * abs(loss()):
                break
            last = loss()
    return loss()


def problem(number):
    """Features, targets, weights, whether features are standardised, and the penalties."""
    random = np.random.RandomState(1000 + number)
    kind, is_scaled = KINDS[number % 3], bool(number // 3 % 2)
    n_rows, n_inputs, n_outputs = random.randint(30, 300), random.randint(1, 7), OUTPUTS[kind]
    units = 10.0 ** random.uniform(*((-2, 2) if is_scaled else (-6, 6)), n_inputs)
    x = (random.standard_normal((n_rows, n_inputs)) * units).astype(np.float32).astype(float)
    w = random.randint(1, 5, n_rows).astype(float) if random.rand() < 0.5 else np.ones(n_rows)
    z = x @ (random.standard_normal((n_outputs, n_inputs)) / units).T + random.standard_normal((n_rows, n_outputs))
    y = {
        "identity": z.astype(np.float32).astype(float),
        "sigmoid": (z > 0).astype(float),
        "softmax": np.eye(n_outputs)[z.argmax(1)],
    }[kind]
    return kind, x, y, w, is_scaled, PENALTIES[number // 6 % 4]


def trained(options, folder, number, kind, x, y, w, is_scaled, penalty):
    path = os.path.join(folder, f"{number}.csv")
    names = ["t"] if kind == "softmax" else [f"t{o}" for o in range(y.shape[1])]
    with open(path, "w") as file:
        print(*(f"x{j}" for j in range(x.shape[1])), "w", *names, sep=",", file=file)
        for row in range(len(x)):
            targets = ["abc"[int(y[row].argmax())]] if kind == "softmax" else map(float, y[row])
            print(*map(float, x[row]), w[row], *targets, sep=",", file=file)
    flags = ["--standardise" if is_scaled else "--no-standardise", "--iterations", "20000", "--sample-weight", "w"]
    flags += ["--l1", str(penalty[0]), "--l2", str(penalty[1]), "--target", ",".join(names)]
    command = [options.neuralnet, "train", path, "--backend", options.backend, "--json", *flags]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"problem {number}: {run.stderr}")
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--problems", type=int, default=300)
    parser.add_argument("--backend", default="cpu")
    options = parser.parse_args()
    tolerance = 1e-9 if options.backend == "cpu" else 1e-5
    stops, off, wrong, worst = collections.Counter(), 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.problems):
            kind, x, y, w, is_scaled, (l1, l2) = problem(number)
            found = trained(options, folder, number, kind, x, y, w, is_scaled, (l1, l2))
            if is_scaled:
                mean = (w[:, None] * x).sum(0) / w.sum()
                x = (x - mean) / np.sqrt((w[:, None] * (x - mean) ** 2).sum(0) / w.sum())
                x = x.astype(np.float32).astype(float)
            least = coordinate_descent(kind, x, y, w, l1, l2) if l1 else newton(kind, x, y, w, l2)
            error = abs(found["loss"] - least) / least
            stops[found["stop"]] += 1
            worst = error if not error <= worst else worst
            if not error <= tolerance:  # NaN too
                off += 1
                wrong += found["stop"] in CONVERGED
                print(f"{number}: {kind}, standardised {is_scaled}, l1 {l1}, l2 {l2}: {error:.1e}, {found['stop']}")
    print(f"{options.problems} problems, {options.backend}: {dict(stops)}")
    print(f"largest distance {worst:.1e} of the loss; {off} beyond {tolerance:.0e}, {wrong} of them said to have converged")
    sys.exit(1 if wrong else 0)


main()
