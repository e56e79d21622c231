"""The program and its peers on the same batches, in one run: results checked, a table, raw JSON, a picture.

    python3 benches/peers/run.py --out FOLDER/NAME [--backend cpu gpu] [--shapes ROWSxFEATURES[xOUTPUTS] ...]
"""

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
import time

import contest
import machine
import numpy as np
import ours
import synthetic
import table
from worker import Failed, Worker

PEERS = {"cpu": ["numpy_step", "torch_step", "jax_step"], "gpu": ["torch_step", "jax_step", "cupy_step"]}
SHAPES = ["1000000x32", "4000000x16", "200000x256", "60000x784", "60000x784x10"]
# X of 1 GB and more.
LARGE = ["34000000x8", "8500000x32", "2100000x128", "1050000x256", "350000x784", "270000x1024", "350000x784x10"]
LEARNING_RATE = 4.0
CHECKED_ITERATIONS = 5
ARTICLE_ITERATIONS = 10_000
# At the end the weights hardly move: there one iteration less would pass.
ARTICLE_CHECKED_ITERATIONS = 100


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="what .json, .svg and .png are put after")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--backend", nargs="+", choices=["cpu", "gpu"], default=["cpu"], help="(default: cpu)")
    parser.add_argument("--shapes", nargs="+", default=SHAPES, help=f"(default: {' '.join(SHAPES)})")
    parser.add_argument("--large", action="store_const", const=LARGE, dest="shapes", help=f"{' '.join(LARGE)}")
    parser.add_argument("--rounds", type=int, default=3, help="each in another order (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of a peer in a round (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of one repeat, about (default: %(default)s)")
    parser.add_argument("--limit", type=float, help="begin no further shape after so many seconds")
    return parser.parse_args()


def start_workers(devices):
    """The libraries there are, their versions, and why the others are not there."""
    workers, versions, absent = [], {}, {}
    for device in devices:
        for name in PEERS[device]:
            try:
                workers.append(Worker(name, device))
                versions |= workers[-1].versions
            except Failed as error:
                absent[f"{name.removesuffix('_step')} on {device}"] = str(error)
                print(f"absent: {name.removesuffix('_step')} on {device}: {error}", file=sys.stderr)
    return workers, versions, absent


def measure_shape(options, workers, shape):
    n_samples, n_inputs, n_outputs = ([int(n) for n in shape.split("x")] + [1])[:3]
    inputs, targets = synthetic.batch(n_samples, n_inputs, n_outputs)
    problem = contest.Problem(inputs, targets, LEARNING_RATE / n_samples, CHECKED_ITERATIONS)
    steps = LEARNING_RATE, CHECKED_ITERATIONS
    if n_outputs == 1:
        checked = problem

        def weights(device):
            return ours.weights(options.neuralnet, device, f"synthetic:{n_samples}x{n_inputs}", *steps)
    else:  # `synthetic:` has one output: ours is checked on the first rows, through a file
        rows = min(n_samples, ours.FILE_ROWS)
        checked = contest.Problem(inputs[:rows], targets[:rows], LEARNING_RATE / rows, CHECKED_ITERATIONS)

        def weights(device):
            return ours.weights_of_file(options.neuralnet, device, checked.inputs, checked.targets, *steps)

    def bench(device):
        return ours.ask(options.neuralnet, "bench", shape, "--backend", device)

    contestants = [
        contest.of_ours(device, checked, weights, bench, lambda printed: printed["shapes"][0]["seconds"])
        for device in options.backend
    ]
    contestants += contest.of_peers(workers, problem, options)
    size = {"n_samples": n_samples, "n_inputs": n_inputs, "n_outputs": n_outputs}
    results = contest.race(contestants, options.rounds)
    return {"shape": shape, **size, "bytes": inputs.nbytes + targets.nbytes, "results": results}


def measure_article(options, workers):
    inputs = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 1]], np.float32)
    problem = contest.Problem(inputs, np.array([[1], [0], [1]], np.float32), 1.0, ARTICLE_CHECKED_ITERATIONS)

    def weights(device):
        iterations = str(ARTICLE_CHECKED_ITERATIONS)
        trained = ours.ask(options.neuralnet, "train", "article", "--iterations", iterations, "--backend", device)
        return ours.weights_of(trained)

    def bench(device):
        return ours.ask(options.neuralnet, "bench", "3x3", "--backend", device)

    def pick(printed):
        return [whole / printed["article"]["iterations"] for whole in printed["article"]["seconds"]]

    contestants = [contest.of_ours(device, problem, weights, bench, pick) for device in options.backend]
    contestants += contest.of_peers(workers, problem, options, ARTICLE_ITERATIONS)
    return {"iterations": ARTICLE_ITERATIONS, "results": contest.race(contestants, options.rounds)}


def main():
    chosen, began = options(), time.monotonic()
    os.makedirs(os.path.dirname(chosen.out) or ".", exist_ok=True)
    caches = tempfile.TemporaryDirectory()
    # Compiling is measured, so nothing compiled before may be found.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = caches.name
    # JAX would take three quarters of a GPU's memory from the others.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    workers, versions, absent = start_workers(chosen.backend)
    run = {
        "command": shlex.join([os.path.basename(sys.executable), *sys.argv]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": versions,
        "absent": absent,
        "settings": {"learning_rate": LEARNING_RATE, "checked_iterations": CHECKED_ITERATIONS},
        "tolerance": contest.TOLERANCE,
        "shapes": [],
        "left_out": [],
    }

    def keep(text):
        """Prints, and writes what there is so far: a run cut short keeps its shapes."""
        print(text, flush=True)
        with open(f"{chosen.out}.json", "w") as file:
            json.dump(run, file, indent=1)

    keep(table.head(run))
    run["article"] = table.with_ratios(measure_article(chosen, workers))
    keep(table.of_article(run["article"]))
    for shape in chosen.shapes:
        if chosen.limit and time.monotonic() - began > chosen.limit:
            run["left_out"].append(shape)
            keep(f"\n{shape}: left out, for want of time")
            continue
        run["shapes"].append(table.with_ratios(measure_shape(chosen, workers, shape)))
        keep(table.of_shape(run["shapes"][-1]))
    for worker in workers:
        worker.close()

    try:
        import picture
    except ImportError as error:
        print(f"no picture: {error}", file=sys.stderr)
    else:
        picture.draw(run, chosen.out)
    results = [result for part in [*run["shapes"], run["article"]] for result in part["results"]]
    bad = [result for result in results if "failed" in result or not result["equal"]]
    for result in bad:
        print(f"{result['name']} on {result['device']}: {table.verdict(result)}", file=sys.stderr)
    return 1 if bad or run["left_out"] else 0


if __name__ == "__main__":
    sys.exit(main())
