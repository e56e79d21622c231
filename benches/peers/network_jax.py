"""Updates in JAX: gradient and Adam in one compiled function."""

import contextlib
import os

import machine
from network_task import DECAY, EPSILON, RATE, Peer


def variants(device, threads):
    """To be called before JAX is imported, which reads the environment."""
    if device == "cpu" and threads < machine.cores() and not hasattr(os, "sched_setaffinity"):
        raise ImportError(f"takes all {machine.cores()} cores on this system, not {threads}")
    # It would take three quarters of a GPU's memory from the others.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    import jax

    jax.config.update("jax_enable_x64", True)
    # On CUDA the default is TF32, three decimal digits; the others compute in float32.
    jax.config.update("jax_default_matmul_precision", "highest")
    try:
        with on_cores(threads if device == "cpu" else machine.cores()):
            jax.devices(device)
    except RuntimeError as error:
        raise ImportError(str(error)) from error
    VERSIONS.update(jax=jax.__version__, jaxlib=jax.lib.__version__)
    return {"JAX jit": Jit}


VERSIONS = {}


@contextlib.contextmanager
def on_cores(threads):
    """Runs on so many cores: JAX starts a thread for each core it sees at first, and no flag changes that."""
    if threads >= machine.cores():
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:threads])
    try:
        yield
    finally:
        for thread in os.listdir("/proc/self/task"):  # which may go where they like from here on
            os.sched_setaffinity(int(thread), cores)


class Jit(Peer):
    def __init__(self, task, kind, device):
        import jax

        self.jax, self.device = jax, jax.devices(device)[0]
        self.start = [[part.astype(kind) for part in layer] for layer in task.start()]
        self.x = self.place(task.x.astype(kind))
        self.t = self.place(task.labels if task.is_softmax else task.t.astype(kind))
        self.is_softmax = task.is_softmax
        self.mean_loss = jax.jit(self.loss_at)
        self.updated = jax.jit(self.update_of, donate_argnums=0)
        self.restart()

    def place(self, array):
        return self.jax.device_put(array, self.device)

    def finish(self):
        self.jax.block_until_ready(self.state)

    def restart(self):
        zeros = [[0 * part for part in layer] for layer in self.start]
        self.state = self.place((0, self.start, zeros, zeros))

    def loss_at(self, layers, x, t, rows):
        jax, a, t = self.jax, x[rows], t[rows]
        for weight, bias in layers[:-1]:
            a = jax.nn.relu(a @ weight + bias)
        z = a @ layers[-1][0] + layers[-1][1]
        if self.is_softmax:
            return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), t[:, None], axis=1).mean()
        return (jax.nn.softplus(z) - t * z).sum(axis=1).mean()

    def update_of(self, state, x, t, rows):
        updates, layers, means, squares = state
        gradient = self.jax.grad(self.loss_at)(layers, x, t, rows)
        each, updates = self.jax.tree.map, updates + 1
        means = each(lambda m, g: DECAY[0] * m + (1 - DECAY[0]) * g, means, gradient)
        squares = each(lambda v, g: DECAY[1] * v + (1 - DECAY[1]) * g * g, squares, gradient)
        correct = [1 - decay**updates for decay in DECAY]

        def step(part, m, v):
            correct_m, correct_v = (c.astype(part.dtype) for c in correct)
            return part - RATE * (m / correct_m) / ((v / correct_v) ** 0.5 + EPSILON)

        return updates, each(step, layers, means, squares), means, squares

    def loss(self, rows):
        return float(self.mean_loss(self.state[1], self.x, self.t, rows))

    def update(self, rows):
        self.state = self.updated(self.state, self.x, self.t, rows)
