"""Networks with hidden layers, their rows, and the updates that all peers make of them; NumPy's own."""

import time

import numpy as np

RATE, DECAY, EPSILON, SEED = 0.001, (0.9, 0.999), 1e-8, 1
ROWS, NOISE = 16384, 0.2
CHECKED_ROWS, CHECKED_UPDATES = 500, 20


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

    def batches(self, place):
        """Rows without end, in another order each epoch, which `place` brings to where they are used."""
        random = np.random.RandomState(SEED)
        while True:
            order = place(random.permutation(len(self.x)))
            for first in range(0, len(order) - self.batch + 1, self.batch):
                yield order[first : first + self.batch]


class Peer:
    """Peers have `restart()`, `update(rows)` and `loss(rows)`."""

    kinds = ["float64", "float32"]  # that it computes in as it says

    def place(self, rows):
        """The numbers of rows, where the peer uses them."""
        return rows

    def finish(self):
        """Waits for the end of the updates."""

    def seconds_an_update(self, task, seconds):
        self.restart()
        batches, n_updates = task.batches(self.place), 0
        self.update(next(batches))
        self.finish()
        since = time.perf_counter()
        while n_updates < 3 or time.perf_counter() - since < seconds:
            self.update(next(batches))
            n_updates += 1
        self.finish()
        return (time.perf_counter() - since) / n_updates

    def losses(self, task):
        """Before and after the updates that all make."""
        rows = self.place(np.arange(CHECKED_ROWS))
        before = self.loss(rows)
        for _ in range(CHECKED_UPDATES):
            self.update(rows)
        return before, self.loss(rows)


class NumPy(Peer):
    def __init__(self, task, kind):
        self.x, self.t, self.is_softmax = task.x.astype(kind), task.t.astype(kind), task.is_softmax
        self.start = task.start()
        self.restart()

    def restart(self):
        kind = self.x.dtype
        self.layers = [[part.astype(kind) for part in layer] for layer in self.start]
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


