"""The time of an update of networks with hidden layers, beside NumPy, scikit-learn and PyTorch on the CPU.

    python3 benches/peers/network.py --out FOLDER/network [--neuralnet PROGRAM] [--threads T] [--rounds N] [--seconds S]

An update is a mini-batch of rows in random order, gathered from all rows, its gradient, and a step of Adam; hidden layers
have ReLU. First all make the same updates of some rows, without batches and from the same start, and have to reach the loss
that NumPy reaches in float64; who does not is not timed, and the exit code is 1. Each is then timed for some seconds a
round, from the start, in changed order. A figure is the median over the rounds of the mean update; of the program it is
what `train --json` says.
"""

import argparse
import datetime
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import machine

SHAPES = ["784-128-10:128", "784-512-512-10:128", "784-512-512-10:4096", "32-64-64-2:128"]  # widths:batch
RATE, DECAY, EPSILON, SEED = 0.001, (0.9, 0.999), 1e-8, 1
ROWS, NOISE = 16384, 0.2
CHECKED_ROWS, CHECKED_UPDATES = 500, 20
# Of the way that the loss went. scikit-learn has another ε, and computes in the float32 of the features.
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="what .json is put after")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of each (default: all cores)")
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each in a round (default: %(default)s)")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, metavar="WIDTHS:BATCH", help="(default: %(default)s)")
    return parser.parse_args()


OPTIONS = options()
for library in ("OPENBLAS", "OMP", "MKL", "BLIS"):
    os.environ[f"{library}_NUM_THREADS"] = str(OPTIONS.threads)
import numpy as np  # noqa: E402, which reads these variables

VERSIONS, ABSENT = {"numpy": np.__version__}, {}
try:
    import sklearn
    from sklearn.neural_network import MLPClassifier

    VERSIONS["scikit-learn"] = sklearn.__version__
except ImportError as error:
    ABSENT["scikit-learn"] = str(error)
try:
    import torch

    torch.set_num_threads(OPTIONS.threads)
    VERSIONS["torch"] = torch.__version__
except ImportError as error:
    ABSENT["PyTorch"] = str(error)


class Task:
    """A network and its rows: a softmax of classes for more than two outputs, otherwise a sigmoid for each output.

    A linear rule decides, but for a share of noise, so that no loss comes near to 0 and no number is denormal.
    """

    def __init__(self, shape):
        widths, batch = shape.split(":")
        self.shape, self.batch = shape, int(batch)
        self.widths = [int(width) for width in widths.split("-")]
        self.is_softmax = self.widths[-1] > 2
        random = np.random.RandomState(0)
        n_inputs, n_outputs = self.widths[0], self.widths[-1]
        self.x = random.standard_normal((ROWS, n_inputs)).astype(np.float32)
        z = self.x @ random.standard_normal((n_inputs, n_outputs))
        is_noise = random.random_sample(ROWS) < NOISE
        z[is_noise] = random.standard_normal((is_noise.sum(), n_outputs))
        self.labels = z.argmax(axis=1)
        self.t = (np.eye(n_outputs)[self.labels] if self.is_softmax else z > 0).astype(np.float32)

    def start(self):
        """[weight (I, O), bias (O)] of each layer: what the program draws with `--init he`."""
        random = np.random.RandomState(SEED)
        draw = lambda i, o: random.uniform(-np.sqrt(6 / i), np.sqrt(6 / i), (i, o))
        return [[draw(i, o), np.zeros(o)] for i, o in zip(self.widths, self.widths[1:])]

    def batches(self):
        """Rows without end, in another order each epoch."""
        random = np.random.RandomState(SEED)
        while True:
            order = random.permutation(len(self.x))
            for first in range(0, len(order) - self.batch + 1, self.batch):
                yield order[first : first + self.batch]


class Peer:
    """Peers have `update(rows)` and `loss(rows)`."""

    def seconds_an_update(self, task, seconds):
        batches, n_updates = task.batches(), 0
        self.update(next(batches))
        since = time.perf_counter()
        while n_updates < 3 or time.perf_counter() - since < seconds:
            self.update(next(batches))
            n_updates += 1
        return (time.perf_counter() - since) / n_updates

    def losses(self, task):
        """Before and after the updates that all make."""
        rows = np.arange(CHECKED_ROWS)
        before = self.loss(rows)
        for _ in range(CHECKED_UPDATES):
            self.update(rows)
        return before, self.loss(rows)


class NumPy(Peer):
    def __init__(self, task, kind):
        self.x, self.t, self.is_softmax = task.x.astype(kind), task.t.astype(kind), task.is_softmax
        self.layers = [[part.astype(kind) for part in layer] for layer in task.start()]
        self.moments = [[(np.zeros_like(part), np.zeros_like(part)) for part in layer] for layer in self.layers]
        self.updates = 0

    def forward(self, x):
        inputs = [x]
        for weight, bias in self.layers[:-1]:
            inputs.append(np.maximum(inputs[-1] @ weight + bias, 0))
        weight, bias = self.layers[-1]
        return inputs, inputs[-1] @ weight + bias

    def loss(self, rows):
        z, t = self.forward(self.x[rows])[1].astype(float), self.t[rows]
        if not self.is_softmax:
            return float((np.logaddexp(0, z) - t * z).sum(axis=1).mean())
        largest = z.max(axis=1, keepdims=True)
        return float((largest[:, 0] + np.log(np.exp(z - largest).sum(axis=1)) - (t * z).sum(axis=1)).mean())

    def update(self, rows):
        inputs, z = self.forward(self.x[rows])
        if self.is_softmax:
            e = np.exp(z - z.max(axis=1, keepdims=True))
            y = e / e.sum(axis=1, keepdims=True)
        else:
            e = np.exp(-np.abs(z))
            y = np.where(z > 0, 1, e) / (1 + e)
        error = (y - self.t[rows]) / len(rows)
        self.updates += 1
        for at in reversed(range(len(self.layers))):
            gradient = inputs[at].T @ error, error.sum(axis=0)
            if at > 0:
                error = (error @ self.layers[at][0].T) * (inputs[at] > 0)
            for part, (mean, square), of_part in zip(self.layers[at], self.moments[at], gradient):
                self.step(part, mean, square, of_part)

    def step(self, part, mean, square, gradient):
        mean *= DECAY[0]
        mean += (1 - DECAY[0]) * gradient
        square *= DECAY[1]
        square += (1 - DECAY[1]) * gradient**2
        unbiased = [1 - decay**self.updates for decay in DECAY]
        part -= RATE / unbiased[0] * mean / (np.sqrt(square / unbiased[1]) + EPSILON)


class Sklearn(Peer):
    def __init__(self, task, kind):
        self.x, self.task = task.x.astype(kind), task
        self.t = task.labels if task.is_softmax else task.t.astype(int)
        classes = np.unique(self.t)
        hidden, rows = task.widths[1:-1], CHECKED_ROWS
        self.model = MLPClassifier(hidden, alpha=0, learning_rate_init=RATE, batch_size=rows, epsilon=EPSILON)
        self.model.partial_fit(self.x[:rows], self.t[:rows], classes=classes)
        # It draws its own start: the common one takes its place, and Adam starts anew.
        for at, (weight, bias) in enumerate(task.start()):
            self.model.coefs_[at][:], self.model.intercepts_[at][:] = weight, bias
        adam = self.model._optimizer
        adam.t = 0
        for moment in [*adam.ms, *adam.vs]:
            moment[:] = 0

    def loss(self, rows):
        numpy = NumPy(self.task, np.float64)
        numpy.layers = list(zip(self.model.coefs_, self.model.intercepts_))
        return numpy.loss(rows)

    def update(self, rows):
        self.model.batch_size = len(rows)
        self.model.partial_fit(self.x[rows], self.t[rows])


class Torch(Peer):
    def __init__(self, task, kind):
        self.x = torch.from_numpy(task.x.astype(kind))
        self.t = torch.from_numpy(task.labels if task.is_softmax else task.t.astype(kind))
        layers = []
        for weight, bias in task.start():
            linear = torch.nn.Linear(*weight.shape, dtype=self.x.dtype)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T))
                linear.bias.copy_(torch.from_numpy(bias))
            layers += [linear, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        loss = torch.nn.CrossEntropyLoss() if task.is_softmax else torch.nn.BCEWithLogitsLoss()
        # The mean of the latter is over the outputs too.
        self.scale = 1 if task.is_softmax else task.widths[-1]
        self.loss_of = lambda rows: loss(self.model(self.x[rows]), self.t[rows]) * self.scale
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def loss(self, rows):
        with torch.inference_mode():
            return self.loss_of(torch.from_numpy(rows)).item()

    def update(self, rows):
        self.optimizer.zero_grad()
        self.loss_of(torch.from_numpy(rows)).backward()
        self.optimizer.step()


class Neuralnet:
    def __init__(self, task, kind, folder):
        self.task, self.files = task, {}
        self.precision = "f64" if kind == np.float64 else "f32"
        for name, n_rows in (("all", len(task.x)), ("checked", CHECKED_ROWS)):
            targets = task.labels[:, None] if task.is_softmax else task.t
            self.files[name] = os.path.join(folder, f"{name}.npy")
            np.save(self.files[name], np.hstack([task.x, targets])[:n_rows].astype(np.float32))

    def train(self, rows, *flags):
        widths = self.task.widths
        targets = ",".join(f"#{widths[0] + 1 + o}" for o in range(1 if self.task.is_softmax else widths[-1]))
        command = [OPTIONS.neuralnet, "train", self.files[rows], "--backend", "cpu", "--threads", str(OPTIONS.threads)]
        command += ["--target", targets, *(["--classes"] if self.task.is_softmax else ["--activation", "sigmoid"])]
        command += ["--hidden", ",".join(map(str, widths[1:-1])), "--init", "he", "--seed", str(SEED), "--no-standardise"]
        command += ["--optimizer", "adam", "--learning-rate", str(RATE), "--precision", self.precision, "--json", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"`{shlex.join(command)}` gave {done.returncode}: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)

    def losses(self, _):
        return [self.train("checked", "--batch-size", "all", "--iterations", str(n))["loss"] for n in (0, CHECKED_UPDATES)]

    def seconds_an_update(self, task, seconds):
        flags = ["--batch-size", str(task.batch), "--iterations", "1000000000", "--max-seconds", str(seconds)]
        trained = self.train("all", *flags)
        return trained["seconds"] / trained["iterations"]


def contestants(task, folder):
    """Each with the numbers it computes in; the first is the reference."""
    yield "NumPy", "float64", lambda: NumPy(task, np.float64)
    yield "neuralnet", "float64", lambda: Neuralnet(task, np.float64, folder)
    yield "NumPy", "float32", lambda: NumPy(task, np.float32)
    yield "neuralnet", "float32", lambda: Neuralnet(task, np.float32, folder)
    if "scikit-learn" in VERSIONS:
        yield "scikit-learn", "float32", lambda: Sklearn(task, np.float32)
    if "torch" in VERSIONS:
        yield "PyTorch", "float64", lambda: Torch(task, np.float64)
        yield "PyTorch", "float32", lambda: Torch(task, np.float32)


def measured(shape):
    task = Task(shape)
    results, equal, expected = [], [], None
    with tempfile.TemporaryDirectory() as folder:
        for name, kind, make in contestants(task, folder):
            before, after = make().losses(task)
            expected = expected or (before, after)
            way = abs(expected[0] - expected[1])
            error = max(abs(before - expected[0]), abs(after - expected[1])) / way
            result = {"name": name, "kind": kind, "loss": after, "error": error, "equal": error <= TOLERANCE[kind]}
            results.append(result)
            if result["equal"]:  # NaN is not
                result["seconds"] = []
                equal.append((result, make))
        for round_ in range(OPTIONS.rounds):
            for place in range(len(equal)):
                result, make = equal[(place + round_) % len(equal)]
                result["seconds"].append(make().seconds_an_update(task, OPTIONS.seconds))
    return {"shape": shape, "losses": expected, "results": results}


def print_table(part):
    print(f"\n{part['shape']} of {ROWS:,} rows; the loss falls from {part['losses'][0]:.6f} to {part['losses'][1]:.6f}")
    print(f"{'':22}{'ms an update':>13}{'from':>10}{'to':>10}{'time/ours':>11}{'error':>9}")
    for result in part["results"]:
        result["median"] = statistics.median(result["seconds"]) if result["equal"] else None
    ours = {result["kind"]: result["median"] for result in part["results"] if result["name"] == "neuralnet"}
    for result in part["results"]:
        name = f"{result['name']} {result['kind']}"
        if not result["equal"]:
            print(f"{name:<22}WRONG: error {result['error']:.1e}")
            continue
        seconds = [result["median"], min(result["seconds"]), max(result["seconds"])]
        numbers = "".join(f"{1e3 * number:{width}.3f}" for number, width in zip(seconds, (13, 10, 10)))
        ratio = f"{result['median'] / ours[result['kind']]:.2f}" if ours[result["kind"]] else "-"
        print(f"{name:<22}{numbers}{ratio:>11}{result['error']:>9.0e}", flush=True)


def main():
    described = machine.describe()
    print(f"{described['cpu']}, threads {OPTIONS.threads}, load {described['load'][0]:.1f}; {datetime.date.today()}")
    print(", ".join(f"{name} {version}" for name, version in VERSIONS.items()))
    for name, why in ABSENT.items():
        print(f"absent: {name}: {why}", file=sys.stderr)
    parts = []
    for shape in OPTIONS.shapes:
        parts.append(measured(shape))
        print_table(parts[-1])
    with open(f"{OPTIONS.out}.json", "w") as file:
        json.dump({
            "command": shlex.join(["python3", *sys.argv]),
            "date": datetime.date.today().isoformat(),
            "machine": described,
            "versions": VERSIONS,
            "absent": ABSENT,
            "threads": OPTIONS.threads,
            "shapes": parts,
        }, file, indent=1)
    return 0 if all(result["equal"] for part in parts for result in part["results"]) else 1


if __name__ == "__main__":
    sys.exit(main())
