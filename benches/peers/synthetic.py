"""The batches of `synthetic:ROWSxFEATURES`, bit for bit those of src/data/synthetic.rs, in vectorised NumPy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from machine import cores

ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24]
# Second words of the key.
ROWS, HIDDEN_WEIGHT, CLASS = 0, 1, 2
# The block of a row's counter that decides whether its label is flipped.
NOISE_BLOCK = 0xFFFF
# Counters of one block of rows: its temporaries stay in the cache.
BLOCK_COUNTERS = 1 << 15


def threefry2x32(key, counter):
    """Two arrays of random words for two arrays of counter words (Salmon et al., SC'11, 20 rounds)."""
    keys = [np.uint32(k) for k in (*key, 0x1BD11BDA ^ key[0] ^ key[1])]
    x0, x1 = np.broadcast_arrays(*(np.asarray(word, np.uint32) for word in counter))
    x0, x1 = x0 + keys[0], x1 + keys[1]
    for turn in range(20):
        x0 += x1
        left, right = np.uint32(ROTATIONS[turn % 8]), np.uint32(32 - ROTATIONS[turn % 8])
        x1 = (x1 << left | x1 >> right) ^ x0
        if turn % 4 == 3:
            injection = turn // 4 + 1
            x0 += keys[injection % 3]
            x1 += keys[(injection + 1) % 3] + np.uint32(injection)
    return x0, x1


def counters(rows, block):
    """The counter words of `block` in each of `rows` (uint64)."""
    return rows & np.uint64(0xFFFFFFFF), rows >> np.uint64(32) << np.uint64(16) | np.uint64(block)


def batch(n_samples, n_inputs, n_outputs=1, noise=0.05, seed=1):
    """Inputs (N,I) and targets (N,O), float32. Several outputs are a class at random, one-hot."""
    inputs = np.empty((n_samples, n_inputs), np.float32)
    targets = np.zeros((n_samples, n_outputs), np.float32)
    n_blocks = (n_inputs + 1) // 2
    hidden = threefry2x32((seed, HIDDEN_WEIGHT), (np.arange(n_inputs), 0))[0]
    hidden = (hidden >> np.uint32(25)).astype(float) - 64

    def fill(start):
        rows = np.arange(start, min(start + step, n_samples), dtype=np.uint64)
        low, high = counters(rows[:, None], 0)
        words = threefry2x32((seed, ROWS), (low, high | np.arange(n_blocks, dtype=np.uint64)))
        features = np.stack(words, axis=-1).reshape(len(rows), -1)[:, :n_inputs]
        features = (features >> np.uint32(8)).astype(np.int32) - (1 << 23)
        inputs[start : start + len(rows)] = features.astype(np.float32) / np.float32(1 << 23)
        if n_outputs > 1:
            word = threefry2x32((seed, CLASS), counters(rows, 0))[0]
            targets[start + np.arange(len(rows)), word % np.uint32(n_outputs)] = 1
            return
        # Integers below 2^53, so exact in float64.
        margin = (features >> 12).astype(float) @ hidden
        word = threefry2x32((seed, ROWS), counters(rows, NOISE_BLOCK))[0]
        targets[start : start + len(rows), 0] = (margin > 0) != (word < noise * 2.0**32)

    step = max(1, BLOCK_COUNTERS // n_blocks)
    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(fill, range(0, n_samples, step)))
    return inputs, targets
