"""Updates by the Rust libraries candle and Burn, on the CPU: a program makes them, which is built for that alone."""

import json
import os
import subprocess
import tempfile
import tomllib

import numpy as np
from network_task import CHECKED_ROWS, CHECKED_UPDATES, RATE, Peer

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rust")
BUILD = f"cargo build --release --manifest-path {os.path.relpath(FOLDER)}/Cargo.toml"
VERSIONS = {}


def variants(device, threads):
    program = os.path.join(FOLDER, "target", "release", "rust-peers")
    if device != "cpu":
        raise ImportError("candle and Burn are compared on the CPU alone")
    if not os.path.exists(program):
        raise ImportError(f"their program is not built; `{BUILD}` builds it, in minutes")
    with open(os.path.join(FOLDER, "Cargo.toml"), "rb") as file:
        needed = tomllib.load(file)["dependencies"]
    VERSIONS.update(candle=needed["candle-core"].strip("="), burn=needed["burn"]["version"].strip("="))
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}

    class Candle(Rust):
        command, env = [program, "candle"], environment

    class Burn(Rust):
        kinds = ["float32"]
        command, env = [program, "burn"], environment

    return {"candle": Candle, "Burn": Burn}


class Rust(Peer):
    def __init__(self, task, kind, device):
        self.folder = tempfile.TemporaryDirectory()
        numbers = {"x": task.x, "t": task.labels if task.is_softmax else task.t}
        for name, values in numbers.items():
            values.astype(np.float32).tofile(os.path.join(self.folder.name, name))
        np.concatenate([part.ravel() for layer in task.start() for part in layer]).tofile(os.path.join(self.folder.name, "start"))
        self.arguments = [self.folder.name, "-".join(map(str, task.widths)), kind.replace("float", "f"), str(RATE)]

    def run(self, *arguments):
        command = [*self.command, *self.arguments, *map(str, arguments)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[-300:])
        return json.loads(done.stdout)

    def losses(self, task):
        return self.run("check", CHECKED_UPDATES, CHECKED_ROWS)

    def seconds_an_update(self, task, seconds):
        return self.run("time", seconds, task.batch)
