"""The time of an update of networks with hidden layers, beside NumPy, scikit-learn, PyTorch, JAX, candle and Burn.

    python3 benches/peers/network.py --out FOLDER/network [--backend cpu|gpu] [--neuralnet PROGRAM] [--threads T]
                                     [--rounds N] [--seconds S] [--shapes WIDTHS:BATCH ...]

An update is a mini-batch of rows in random order, gathered from all rows, its gradient, and a step of Adam; hidden layers
have ReLU. First all make the same updates of some rows, without batches and from the same start, and have to reach the loss
that NumPy reaches in float64; who does not is not timed, and the exit code is 1. Each is then timed for some seconds a
round, from the start, in changed order. A figure is the median over the rounds of the mean update; of the program it is
what `train --json` says. The ceiling is the rate of fused multiply-adds that `neuralnet bench` measures beside each
network, in float64 on the CPU and in float32 on a GPU.
"""

import argparse
import datetime
import functools
import importlib
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
# Of the way that the loss went. scikit-learn has another ε, and computes in the float32 of the features.
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="what .json, .svg and .png are put after")
    parser.add_argument("--backend", choices=["cpu", "gpu"], default="cpu", help="of all (default: %(default)s)")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of each (default: all cores)")
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each in a round (default: %(default)s)")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, metavar="WIDTHS:BATCH", help="(default: %(default)s)")
    parser.add_argument("--limit", type=float, help="begin no further network after so many seconds")
    return parser.parse_args()


OPTIONS = options()
for library in ("OPENBLAS", "OMP", "MKL", "BLIS"):
    os.environ[f"{library}_NUM_THREADS"] = str(OPTIONS.threads)
# Which read these variables:
import numpy as np  # noqa: E402
from network_task import CHECKED_ROWS, CHECKED_UPDATES, EPSILON, RATE, ROWS, SEED, NumPy, Peer, Task  # noqa: E402

VERSIONS, ABSENT = {"numpy": np.__version__}, {}
try:
    import sklearn
    from sklearn.neural_network import MLPClassifier

    VERSIONS["scikit-learn"] = sklearn.__version__
except ImportError as error:
    ABSENT["scikit-learn"] = str(error)
VARIANTS = {}  # of the libraries of which there are several, by name
for library in ("torch", "jax", "rust"):
    try:
        module = importlib.import_module(f"network_{library}")
        VARIANTS |= module.variants(OPTIONS.backend, OPTIONS.threads)
        VERSIONS |= module.VERSIONS
    except ImportError as error:
        ABSENT[library] = str(error)


class Sklearn(Peer):
    def __init__(self, task, kind):
        self.x, self.task = task.x.astype(kind), task
        self.t = task.labels if task.is_softmax else task.t.astype(int)
        classes = np.unique(self.t)
        hidden, rows = task.widths[1:-1], CHECKED_ROWS
        self.model = MLPClassifier(hidden, alpha=0, learning_rate_init=RATE, batch_size=rows, epsilon=EPSILON)
        self.model.partial_fit(self.x[:rows], self.t[:rows], classes=classes)
        self.restart()

    def restart(self):
        # It draws its own start: the common one takes its place, and Adam starts anew.
        for at, (weight, bias) in enumerate(self.task.start()):
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


class Neuralnet:
    def __init__(self, task, kind, folder):
        self.task, self.files = task, {}
        self.precision = kind.replace("float", "f")
        for name, n_rows in (("all", len(task.x)), ("checked", CHECKED_ROWS)):
            targets = task.labels[:, None] if task.is_softmax else task.t
            self.files[name] = os.path.join(folder, f"{name}.npy")
            np.save(self.files[name], np.hstack([task.x, targets])[:n_rows].astype(np.float32))

    def train(self, rows, *flags):
        widths = self.task.widths
        targets = ",".join(f"#{widths[0] + 1 + o}" for o in range(1 if self.task.is_softmax else widths[-1]))
        command = [OPTIONS.neuralnet, "train", self.files[rows]]
        command += ["--backend", OPTIONS.backend, "--threads", str(OPTIONS.threads)]
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
    """Each with the numbers it computes in."""
    device = OPTIONS.backend
    kinds = {"cpu": ["float64", "float32"], "gpu": ["float32"]}[device]
    for kind in kinds:
        yield "neuralnet", kind, functools.partial(Neuralnet, task, kind, folder)
    if device == "cpu":
        for kind in kinds:
            yield "NumPy", kind, functools.partial(NumPy, task, kind)
        if "scikit-learn" in VERSIONS:
            yield "scikit-learn", "float32", lambda: Sklearn(task, np.float32)
    for name, variant in VARIANTS.items():
        for kind in [kind for kind in kinds if kind in variant.kinds]:
            yield name, kind, functools.partial(variant, task, kind, device)


def ceiling(task):
    """What `bench` says of a network of these widths: beside the ceilings its own updates, by AdamW."""
    widths = "-".join(map(str, task.widths))
    command = [OPTIONS.neuralnet, "bench", f"{ROWS}x{widths}", "--batch-size", str(task.batch), "--repeats", "5"]
    command += ["--backend", OPTIONS.backend, "--threads", str(OPTIONS.threads), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measured(shape):
    task = Task(shape)
    expected = NumPy(task, np.float64).losses(task)
    way = abs(expected[0] - expected[1])
    results, equal = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, kind, make in contestants(task, folder):
            result = {"name": name, "kind": kind, "device": OPTIONS.backend}
            results.append(result)
            since = time.perf_counter()
            try:
                peer = make()
                before, after = peer.losses(task)
            except Exception as error:  # of a library, such as a compiler that is missing
                result |= {"failed": f"{type(error).__name__}: {error}"[:500], "equal": False}
                continue
            error = max(abs(before - expected[0]), abs(after - expected[1])) / way
            # Compiling included.
            result |= {"first_seconds": time.perf_counter() - since}
            result |= {"loss": after, "error": error, "equal": bool(error <= TOLERANCE[kind])}
            if result["equal"]:  # NaN is not
                result["seconds"] = []
                equal.append((result, peer))
        bench = ceiling(task)
        for round_ in range(OPTIONS.rounds):
            for place in range(len(equal)):
                result, peer = equal[(place + round_) % len(equal)]
                result["seconds"].append(peer.seconds_an_update(task, OPTIONS.seconds))
    flop = bench["networks"][0]["flop"]
    for result, _ in equal:
        result["median"] = statistics.median(result["seconds"])
        result["flop_per_second"] = flop / result["median"]
    of_device = {OPTIONS.backend: bench["arithmetic_ceiling"]["flop_per_second"]}
    return {"shape": shape, "losses": expected, "flop": flop, "ceiling": of_device, "bench": bench, "results": results}


def print_table(part):
    print(f"\n{part['shape']} of {ROWS:,} rows; the loss falls from {part['losses'][0]:.6f} to {part['losses'][1]:.6f}")
    arithmetic = part["bench"]["arithmetic_ceiling"]
    print(f"fma ceiling {arithmetic['flop_per_second'] / 1e9:.1f} GFLOP/s in {arithmetic['precision']}")
    print(f"{'':30}{'ms an update':>13}{'from':>10}{'to':>10}{'time/ours':>11}{'GFLOP/s':>9}{'error':>9}")
    ours = {result["kind"]: result.get("median") for result in part["results"] if result["name"] == "neuralnet"}
    for result in part["results"]:
        name = f"{result['name']} {result['kind']}"
        if not result["equal"]:
            print(f"{name:<30}{result.get('failed') or 'WRONG: error {error:.1e}'.format(**result)}")
            continue
        seconds = [result["median"], min(result["seconds"]), max(result["seconds"])]
        numbers = "".join(f"{1e3 * number:{width}.3f}" for number, width in zip(seconds, (13, 10, 10)))
        ratio = f"{result['median'] / ours[result['kind']]:.2f}" if ours[result["kind"]] else "-"
        print(f"{name:<30}{numbers}{ratio:>11}{result['flop_per_second'] / 1e9:>9.1f}{result['error']:>9.0e}")


def main():
    since = time.monotonic()
    described = machine.describe()
    print(f"{described['cpu']}, threads {OPTIONS.threads}, load {described['load'][0]:.1f}; {datetime.date.today()}")
    print(", ".join(f"{name} {version}" for name, version in VERSIONS.items()))
    for name, why in ABSENT.items():
        print(f"absent: {name}: {why}", file=sys.stderr)
    run = {
        "command": shlex.join(["python3", *sys.argv]),
        "date": datetime.date.today().isoformat(),
        "machine": described,
        "versions": VERSIONS,
        "absent": ABSENT,
        "threads": OPTIONS.threads,
        "rate": "flop_per_second",
        "shapes": [],
        "left_out": [],
    }
    for shape in OPTIONS.shapes:
        if OPTIONS.limit and time.monotonic() - since > OPTIONS.limit:
            run["left_out"].append(shape)
            print(f"\n{shape}: left out, for want of time")
        else:
            run["shapes"].append(measured(shape))
            print_table(run["shapes"][-1])
        sys.stdout.flush()
        with open(f"{OPTIONS.out}.json", "w") as file:
            json.dump(run, file, indent=1)
    try:
        import picture
    except ImportError as error:
        print(f"no picture: {error}", file=sys.stderr)
    else:
        picture.draw(run, OPTIONS.out)
    equal = all(result["equal"] for part in run["shapes"] for result in part["results"])
    return 0 if equal and not run["left_out"] else 1


if __name__ == "__main__":
    sys.exit(main())
