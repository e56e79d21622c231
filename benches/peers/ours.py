"""The program itself, asked through its command line."""

import json
import os
import subprocess
import tempfile

import numpy as np

# Rows of a batch of several outputs that the program trains on: from a file, since `synthetic:` has one output.
FILE_ROWS = 2000


def ask(binary, *arguments):
    """The JSON that the program prints."""
    done = subprocess.run([binary, *arguments, "--json"], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"`neuralnet {' '.join(arguments)}` gave {done.returncode}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def weights_of(trained):
    """(I,O), of what `train` prints."""
    return np.array(trained["layers"][0]["weight"]).T


def weights(binary, device, data, learning_rate, iterations, *more):
    """Weights (I,O) after `iterations` of the article's rule with the mean gradient."""
    rule = ["--loss", "squared-error", "--reduction", "mean", "--no-bias", "--seed", "1"]
    steps = ["--learning-rate", str(learning_rate), "--iterations", str(iterations)]
    return weights_of(ask(binary, "train", data, *rule, *steps, "--backend", device, *more))


def weights_of_file(binary, device, inputs, targets, learning_rate, iterations):
    """The same, of the rows given, through a CSV file: nine digits give each float32 back."""
    names = [f"y{o}" for o in range(targets.shape[1])]
    header = ",".join([f"x{j}" for j in range(inputs.shape[1])] + names)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        np.savetxt(path, np.hstack([inputs, targets]), "%.9g", ",", header=header, comments="")
        as_they_are = ["--target", ",".join(names), "--no-standardise"]
        return weights(binary, device, path, learning_rate, iterations, *as_they_are)
