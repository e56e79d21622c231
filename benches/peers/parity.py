"""The program and scikit-learn on the same tables, objectives and held-out rows: losses at the optimum, accuracy.

    python3 benches/peers/parity.py --out FOLDER/parity [--backend cpu gpu] [--data NAME ...]

scikit-learn minimises  C Σ loss + ½‖W‖²  over standardised features (of squared errors  Σ (t − y)² + α‖W‖²), the
program the mean loss + ½ l2 ‖W‖²: the same for l2 = 1 / (C N) (α / N, of half the squares). Both losses are told as the
program's. Fashion-MNIST is read from the files that ship it (--fashion-mnist FOLDER).
"""

import argparse
import datetime
import gzip
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import machine
import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

LOADERS = {
    "breast_cancer": load_breast_cancer,
    "iris": load_iris,
    "wine": load_wine,
    "digits": load_digits,
    "diabetes": load_diabetes,
}
FASHION = "fashion-mnist"
LOSS_TOLERANCE, ACCURACY_TOLERANCE = 1e-6, 0.002


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, help="what .json is put after")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--backend", nargs="+", choices=["cpu", "gpu"], default=["cpu", "gpu"])
    parser.add_argument("--data", nargs="+", default=[*LOADERS, FASHION], choices=[*LOADERS, FASHION])
    parser.add_argument("--fashion-mnist", default="/usr/share/datasets/fashion-mnist", help="(default: %(default)s)")
    parser.add_argument("--c-fashion", type=float, default=1e-4, help="C of the pictures, which a weaker penalty takes scikit-learn many minutes over (default: %(default)s)")
    return parser.parse_args()


def idx(path):
    with gzip.open(path) as file:
        content = file.read()
    n_dimensions = content[3]
    shape = np.frombuffer(content, ">u4", n_dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def load(name, fashion_folder):
    """Inputs in float32, targets, and whether these are classes; to train on, and held out."""
    if name == FASHION:
        def part(kind):
            pictures = idx(os.path.join(fashion_folder, f"{kind}-images-idx3-ubyte.gz"))
            labels = idx(os.path.join(fashion_folder, f"{kind}-labels-idx1-ubyte.gz"))
            return pictures.reshape(len(pictures), -1).astype(np.float32), labels
        return *part("train"), *part("t10k"), True
    data = LOADERS[name]()
    inputs, classes = data.data.astype(np.float32), name != "diabetes"
    split = train_test_split(inputs, data.target, test_size=0.25, random_state=0, stratify=data.target if classes else None)
    inputs, held_out, targets, held_out_targets = split
    return inputs, targets, held_out, held_out_targets, classes


def by_sklearn(inputs, targets, held_out, held_out_targets, classes, c, tolerance):
    """Its loss in the program's terms, its score on what is held out, seconds, iterations."""
    scaler = StandardScaler().fit(inputs.astype(np.float64))
    scaled = scaler.transform(inputs.astype(np.float64))
    since = time.perf_counter()
    if classes:
        model = LogisticRegression(C=c, tol=tolerance, max_iter=20_000).fit(scaled, targets)
    else:
        model = Ridge(alpha=1 / c).fit(scaled, targets)
    seconds = time.perf_counter() - since
    weight = np.atleast_2d(model.coef_)
    z = scaled @ weight.T + model.intercept_
    if not classes:
        loss = 0.5 * np.mean((targets - z[:, 0]) ** 2)
    elif len(model.classes_) == 2:
        t = (targets == model.classes_[1])[:, None]
        loss = np.mean(np.logaddexp(0, z) - t * z)
    else:
        own = z[np.arange(len(z)), np.searchsorted(model.classes_, targets)]
        largest = z.max(axis=1)
        loss = np.mean(largest + np.log(np.exp(z - largest[:, None]).sum(axis=1)) - own)
    loss += 0.5 * np.sum(weight**2) / (c * len(inputs))
    scaled_held_out = scaler.transform(held_out.astype(np.float64))
    return {
        "loss": float(loss),
        "score": float(model.score(scaled_held_out, held_out_targets)),
        "seconds": seconds,
        "iterations": int(np.max(model.n_iter_)) if classes else None,
    }


def write(path, inputs, targets):
    """As CSV: nine digits give each float32 back."""
    header = ",".join([f"x{j}" for j in range(inputs.shape[1])] + ["target"])
    with open(path, "w") as file:
        file.write(header + "\n")
        for row, target in zip(inputs, targets):
            file.write(",".join(f"{x:.9g}" for x in row) + f",{target}\n")


def call(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"`{shlex.join(command)}` gave {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def by_program(binary, backend, files, classes, l2, tolerance, folder):
    model = os.path.join(folder, "model.safetensors")
    train = [binary, "train", files[0], "--backend", backend, "--l2", repr(l2), "--iterations", "20000",
             "--gradient-tolerance", tolerance, "--output", model, "--force", "--json"]
    trained = call(*train, *(["--classes"] if classes else []))
    evaluated = call(binary, "evaluate", model, files[1], "--json")
    return {
        "loss": trained["loss"],
        "score": evaluated["measured"][0]["accuracy" if classes else "r2"],
        "seconds": trained["seconds"],
        "iterations": trained["iterations"],
        "stopped": trained["stop"],
        "adapter": trained["adapter"],
    }


def main():
    args = options()
    rows, wrong = [], []
    print(f"{'data':<14} {'':<4} {'loss':>14} {'relative':>10} {'score':>8} {'differs':>8} {'iterations':>10} {'s':>8}")
    for name in args.data:
        inputs, targets, held_out, held_out_targets, classes = load(name, args.fashion_mnist)
        c = args.c_fashion if name == FASHION else 1.0
        tolerance, our_tolerance = (1e-6, "1e-6") if name == FASHION else (1e-9, "1e-8")
        reference = by_sklearn(inputs, targets, held_out, held_out_targets, classes, c, tolerance)
        print(f"{name:<14} {'sk':<4} {reference['loss']:14.9f} {'':>10} {reference['score']:8.4f} {'':>8} "
              f"{reference['iterations'] or '':>10} {reference['seconds']:8.2f}", flush=True)
        row = {"data": name, "n_samples": len(inputs), "n_inputs": inputs.shape[1], "c": c, "scikit-learn": reference}
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, part) for part in ("train.csv", "held_out.csv")]
            write(files[0], inputs, targets)
            write(files[1], held_out, held_out_targets)
            for backend in args.backend:
                ours = by_program(args.neuralnet, backend, files, classes, 1 / (c * len(inputs)), our_tolerance, folder)
                relative = abs(ours["loss"] - reference["loss"]) / reference["loss"]
                differs = abs(ours["score"] - reference["score"])
                row[backend] = ours | {"relative": relative, "differs": differs}
                if not (relative <= LOSS_TOLERANCE and differs <= ACCURACY_TOLERANCE):
                    wrong.append(f"{name} on {backend}")
                print(f"{'':<14} {backend:<4} {ours['loss']:14.9f} {relative:10.1e} {ours['score']:8.4f} {differs:8.4f} "
                      f"{ours['iterations']:>10} {ours['seconds']:8.2f}", flush=True)
        rows.append(row)
    with open(f"{args.out}.json", "w") as file:
        json.dump({
            "command": shlex.join(["python3", *sys.argv]),
            "date": datetime.date.today().isoformat(),
            "machine": machine.describe(),
            "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
            "rows": rows,
        }, file, indent=1)
    for what in wrong:
        print(f"beyond {LOSS_TOLERANCE} of the loss or {ACCURACY_TOLERANCE} of the score: {what}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
