"""From a file on the disk to a saved model: the program beside scikit-learn, on rows of `synthetic:`.

    python3 benches/peers/solution.py --out FOLDER/solution [--rows N] [--features N] [--rounds N]

Ours is the whole process. Of scikit-learn it is reading the file, fitting and saving, after Python and the libraries have
started. Both minimise the log-loss with C = 1 and both by L-BFGS, each until its own tolerance says so; the log-loss of what
each reached is computed here.
"""

import argparse
import datetime
import json
import os
import pickle
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import machine
import numpy as np
import pandas
import sklearn
import synthetic
from sklearn.linear_model import LogisticRegression

# Seconds of rest before each run: the threads of scikit-learn's BLAS spin for a while after their work, which would take the
# cores from the program that runs next.
REST = 0.2


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="what .json is put after")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5, help="medians of so many (default: %(default)s)")
    return parser.parse_args()


def log_loss(table, weight, bias):
    z = table[:, :-1].astype(np.float64) @ weight + bias
    return float(np.mean(np.logaddexp(0, z) - table[:, -1] * z))


def by_program(binary, path, folder):
    model = os.path.join(folder, "model.safetensors")
    command = [binary, "train", path, "--backend", "cpu", "--output", model, "--force", "--json"]
    since = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - since
    trained = json.loads(done.stdout)
    layer = trained["layers"][0]
    return {
        "seconds": seconds,
        "reading": trained["dataset"]["reading"]["seconds"],
        "iterations": trained["iterations"],
        "passes": trained["evaluations"],
        "training": trained["seconds"],
    }, np.array(layer["weight"][0]), layer["bias"][0]


def by_sklearn(path, folder):
    since = time.perf_counter()
    table = np.load(path) if path.endswith(".npy") else pandas.read_csv(path, dtype=np.float32).to_numpy()
    read = time.perf_counter() - since
    fitted = LogisticRegression(max_iter=1000).fit(table[:, :-1], table[:, -1])
    fit = time.perf_counter() - since - read
    with open(os.path.join(folder, "model.pickle"), "wb") as file:
        pickle.dump(fitted, file)
    return {
        "seconds": time.perf_counter() - since,
        "reading": read,
        "iterations": int(fitted.n_iter_[0]),
        "training": fit,
    }, fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0])


def main():
    args = options()
    inputs, targets = synthetic.batch(args.rows, args.features, 1, 0.05, 1)
    table = np.hstack([inputs, targets.reshape(-1, 1)]).astype(np.float32)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, f"rows.{ending}") for ending in ("npy", "csv")]
        np.save(files[0], table)
        header = ",".join([f"x{j}" for j in range(args.features)] + ["y"])
        pandas.DataFrame(table, columns=header.split(",")).to_csv(files[1], index=False)
        for path in files:
            ours, theirs = [], []
            for _ in range(args.rounds):
                time.sleep(REST)
                ours.append(by_program(args.neuralnet, path, folder))
                time.sleep(REST)
                theirs.append(by_sklearn(path, folder))
            row = {"file": os.path.basename(path), "bytes": os.path.getsize(path)}
            for name, runs in (("neuralnet", ours), ("scikit-learn", theirs)):
                median = {key: statistics.median(run[0][key] for run in runs) for key in runs[0][0]}
                row[name] = median | {"log_loss": log_loss(table, *runs[0][1:]), "all": [run[0]["seconds"] for run in runs]}
            row["ratio"] = row["scikit-learn"]["seconds"] / row["neuralnet"]["seconds"]
            rows.append(row)
            for name in ("neuralnet", "scikit-learn"):
                median = row[name]
                print(f"{row['file']:<9} {name:<13} {median['seconds']:7.3f} s, reading {median['reading']:6.3f}, training "
                      f"{median['training']:6.3f} in {median['iterations']:3.0f} iterations, log-loss {median['log_loss']:.9f}")
            print(f"{'':<9} ratio {row['ratio']:.2f}", flush=True)
    with open(f"{args.out}.json", "w") as file:
        json.dump({
            "command": shlex.join(["python3", *sys.argv]),
            "date": datetime.date.today().isoformat(),
            "machine": machine.describe(),
            "versions": {"numpy": np.__version__, "pandas": pandas.__version__, "scikit-learn": sklearn.__version__},
            "rows": args.rows,
            "features": args.features,
            "results": rows,
        }, file, indent=1)


if __name__ == "__main__":
    main()
