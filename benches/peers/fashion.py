"""Test accuracy on Fashion-MNIST of a network with hidden layers, beside PyTorch with the same settings.

    python3 benches/peers/fashion.py --data FOLDER [--neuralnet PROGRAM] [--hidden 128] [--precision f64|f32]
                                     [--threads T] [--seeds 3]

FOLDER holds the four files of Fashion-MNIST; Debian's package dataset-fashion-mnist has them. Both standardise the
features, start from the same weights, and make ten epochs of AdamW in batches of 128 at a rate of 0.001, with a decay of
0.01 of weights alone; only the order of the rows differs. Prints accuracy and seconds of training of each seed, and their
medians. Exits with 1 if the median accuracies differ by more than half a percent.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
import torch

import machine

EPOCHS, BATCH, RATE, DECAY = 10, 128, 0.001, 0.01


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="the folder of the four files")
    parser.add_argument("--neuralnet", default="target/release/neuralnet", help="the program (default: %(default)s)")
    parser.add_argument("--hidden", default="128", help="widths (default: %(default)s)")
    parser.add_argument("--precision", choices=["f64", "f32"], default="f64", help="of the program (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="of each (default: all cores)")
    parser.add_argument("--seeds", type=int, default=3, help="(default: %(default)s)")
    return parser.parse_args()


def part(folder, name):
    def numbers(file, skipped):
        return np.frombuffer(gzip.open(folder / file).read(), np.uint8, offset=skipped)

    pictures = numbers(f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(float)
    return pictures, numbers(f"{name}-labels-idx1-ubyte.gz", 8).astype(np.int64)


def ours(options, seed):
    """Accuracy and seconds of this program."""
    train, test = (str(options.data / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
    command = [options.neuralnet, "train", train, "--validation-data", test, "--hidden", options.hidden, "--json"]
    command += ["--seed", str(seed), "--threads", str(options.threads), "--backend", "cpu"]
    command += ["--precision", options.precision, "--epochs", str(EPOCHS), "--batch-size", str(BATCH)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result["validation"]["measured"][0]["accuracy"], result["seconds"]


def torchs(options, seed, data):
    """Accuracy and seconds of PyTorch in float32."""
    (x, t), (test_x, test_t) = data
    widths = [784, *map(int, options.hidden.split(",")), 10]
    random = np.random.RandomState(seed)
    torch.manual_seed(seed)
    layers = []
    for at, (before, after) in enumerate(zip(widths, widths[1:])):
        layer = torch.nn.Linear(before, after)
        last = at + 2 == len(widths)
        limit = (6 / (before + after if last else before)) ** 0.5
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(random.uniform(-limit, limit, (before, after)).T))
            layer.bias.zero_()
        layers += [layer] if last else [layer, torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers)
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    groups = [
        {"params": [layer.weight for layer in linear], "weight_decay": DECAY},
        {"params": [layer.bias for layer in linear], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[rows]), t[rows]).backward()
            optimizer.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        accuracy = (network(test_x).argmax(1) == test_t).double().mean().item()
    return accuracy, seconds


def main():
    chosen = options()
    torch.set_num_threads(chosen.threads)
    (x, t), (test_x, test_t) = (part(chosen.data, name) for name in ("train", "t10k"))
    mean, deviation = x.mean(0), x.std(0)
    deviation[deviation == 0] = 1
    scaled = [torch.tensor(((pictures - mean) / deviation).astype(np.float32)) for pictures in (x, test_x)]
    data = [(scaled[0], torch.tensor(t)), (scaled[1], torch.tensor(test_t))]
    print(f"784-{chosen.hidden}-10, {chosen.threads} threads, PyTorch {torch.__version__}, {machine.cpu_model()}")
    name = f"neuralnet {chosen.precision.replace('f', 'float')}"
    found = {name: [], "PyTorch float32": []}
    for seed in range(1, chosen.seeds + 1):
        found[name].append(ours(chosen, seed))
        found["PyTorch float32"].append(torchs(chosen, seed, data))
    medians = {}
    for name, runs in found.items():
        accuracies, seconds = zip(*runs)
        medians[name] = statistics.median(accuracies)
        each = "  ".join(f"{accuracy:.4f} in {second:.1f} s" for accuracy, second in runs)
        print(f"{name:18} median {medians[name]:.4f} in {statistics.median(seconds):.1f} s   ({each})")
    one, other = medians.values()
    if not abs(one - other) <= 0.005:
        sys.exit("the accuracies differ by more than half a percent")


main()
