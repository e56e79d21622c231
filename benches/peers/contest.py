"""One problem, ours and the peers on it: results checked, then timed in rounds, each in another order."""

import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy as np
import reference
from worker import Failed

# Of the way the weights went. Float32 as these libraries sum it stays below the first, float64 below the
# second; another rule or other data do not.
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


@dataclass
class Problem:
    inputs: np.ndarray  # (N,I) float32
    targets: np.ndarray  # (N,O) float32
    rate: float  # the learning rate times the scale of the reduction
    iterations: int  # after which weights are compared

    def __post_init__(self):
        self.start = reference.start(self.inputs.shape[1], self.targets.shape[1])
        self.reference = reference.train(self.inputs, self.targets, self.start, self.rate, self.iterations)

    def check(self, weight, precision):
        error = reference.error(weight, self.reference, self.start)
        equal = error <= TOLERANCE[precision]
        return {"precision": precision, "error": error if np.isfinite(error) else None, "equal": equal}


def failure(name, device, error):
    print(f"{name} on {device}: {error}", file=sys.stderr)
    return {"name": name, "device": device, "failed": str(error)}


def of_ours(device, problem, weights, bench, pick):
    """Ours: what is known of it, and what times it; `pick` takes the seconds of an iteration from what `bench` prints."""
    try:
        checked = problem.check(weights(device), "float64" if device == "cpu" else "float32")
    except Exception as error:
        return failure("neuralnet", device, error), None
    result = {"name": "neuralnet", "device": device, **checked, "seconds": [], "bench": []}

    def seconds():
        printed = bench(device)
        result["bench"].append(printed)
        return pick(printed)

    return result, seconds


def of_peers(workers, problem, options, count=None):
    """Every variant of every library; repeats of `count` iterations, or of as many as take the time asked for."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("inputs.npy", "targets.npy")]
        for file, array in zip(files, (problem.inputs, problem.targets)):
            np.save(file, array)
        for worker in workers:
            try:
                variants = worker.ask("load", *files, problem.start, problem.rate)
            except Failed as error:
                yield failure(worker.name, worker.device, error), None
                continue
            for name in variants:
                try:
                    yield of_variant(worker, name, problem, options, count)
                except Failed as error:
                    yield failure(name, worker.device, error), None


def of_variant(worker, name, problem, options, count):
    first_seconds = worker.ask("first", name)
    weights = worker.ask("weights", name, problem.iterations)
    tried = worker.ask("seconds", name, 3, 1)[0] / 3
    iterations = count or max(1, round(options.seconds / tried))
    checked = problem.check(weights, "float64" if name.endswith("f64") else "float32")
    result = {"name": name, "device": worker.device, **checked, "first_seconds": first_seconds}
    # Of an iteration: a list of repeats for each round.
    result |= {"iterations": iterations, "seconds": []}

    def seconds():
        return [repeat / iterations for repeat in worker.ask("seconds", name, iterations, options.repeats)]

    return result, seconds


def race(contestants, rounds):
    order = [(result, seconds) for result, seconds in contestants if seconds]
    for number in range(rounds):
        random.Random(number).shuffle(order)
        for result, seconds in order:
            time.sleep(0.2)  # threads of the one before may still spin
            try:
                result["seconds"].append(seconds())
            except Exception as error:
                result.update(failure(result["name"], result["device"], error))
    return [result for result, _ in contestants]
