"""A process for each library: their threads and allocators stay apart, and one that crashes is only itself lost."""

import importlib
import multiprocessing
import time

import numpy as np

# Seconds one request may take; a library that hangs is reported, not waited for.
PATIENCE = 240


class Failed(Exception):
    """The library could not do what it was asked, and why."""


class Worker:
    """The library of module `name` on `device` (cpu or gpu), in a process of its own."""

    def __init__(self, name, device):
        context = multiprocessing.get_context("spawn")
        self.name, self.device = name, device
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, name, device), daemon=True)
        self.process.start()
        theirs.close()
        self.versions = self.receive()

    def ask(self, what, *details):
        try:
            self.connection.send((what, details))
        except OSError:
            raise Failed(f"its process ended with exit code {self.process.exitcode}") from None
        return self.receive()

    def receive(self):
        try:
            if not self.connection.poll(PATIENCE):
                self.process.kill()
                raise Failed(f"no answer in {PATIENCE} s")
            good, answer = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise Failed(f"its process ended with exit code {self.process.exitcode}") from None
        if not good:
            raise Failed(answer)
        return answer

    def close(self):
        self.connection.close()  # the process ends at the end of its requests
        self.process.join(10)
        self.process.kill()


def reason(error):
    lines = str(error).strip().splitlines() or [""]
    return lines[0] if isinstance(error, ImportError) else f"{type(error).__name__}: {lines[0]}"


def serve(connection, name, device):
    try:
        library = Library(name, device)
        connection.send((True, library.module.VERSIONS))
    except Exception as error:  # whatever a library raises is its answer
        connection.send((False, reason(error)))
        return
    while True:
        try:
            what, details = connection.recv()
        except EOFError:
            return
        try:
            connection.send((True, getattr(library, what)(*details)))
        except Exception as error:
            connection.send((False, reason(error)))


class Library:
    """What a worker can be asked, inside its process."""

    def __init__(self, name, device):
        self.module, self.device = importlib.import_module(name), device
        self.module.variants(device)

    def load(self, inputs, targets, weight, rate):
        """Takes the problem, inputs and targets as files; the names of the variants that can run it."""
        self.prepared = self.runs = None  # the last problem's memory goes first
        arrays = np.load(inputs), np.load(targets), weight
        self.problem = [self.module.place(array, self.device) for array in arrays] + [rate]
        self.variants, self.runs = self.module.variants(self.device), {}
        return list(self.variants)

    def first(self, variant):
        """Seconds of preparing and the first iteration: where a library compiles, it compiles here."""
        start = time.perf_counter()
        self.runs[variant] = self.variants[variant](*self.problem)
        self.runs[variant](1)
        return time.perf_counter() - start

    def weights(self, variant, iterations):
        return np.asarray(self.runs[variant](iterations), dtype=np.float64)

    def seconds(self, variant, iterations, repeats):
        """Seconds of each of `repeats` runs of `iterations`."""
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            self.runs[variant](iterations)
            seconds.append(time.perf_counter() - start)
        return seconds
