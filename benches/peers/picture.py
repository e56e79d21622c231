"""Bytes per second by shape, a bar for each peer, the ceiling as a line: `picture.py NAME` draws it again from NAME.json."""

import json
import sys

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

OURS, OTHERS = "#d1495b", plt.get_cmap("tab20c").colors


def draw(run, out):
    devices = [device for device in ("cpu", "gpu") if any(device in part["ceiling"] for part in run["shapes"])]
    if not devices:
        print("no picture: nothing was measured", file=sys.stderr)
        return
    figure, axes = plt.subplots(len(devices), 1, figsize=(11, 5 * len(devices)), squeeze=False, layout="constrained")
    for device, axis in zip(devices, axes[:, 0]):
        panel(axis, run, device)
    for kind in ("svg", "png"):
        figure.savefig(f"{out}.{kind}", dpi=120)


def panel(axis, run, device):
    speeds = {}  # of each contestant, by the number of the shape
    for at, part in enumerate(run["shapes"]):
        for result in part["results"]:
            if result["device"] == device and "bytes_per_second" in result:
                speeds.setdefault(result["name"], {})[at] = result["bytes_per_second"] / 1e9
    width = 0.8 / len(speeds)
    for number, (name, bars) in enumerate(speeds.items()):
        places = [at - 0.4 + (number + 0.5) * width for at in bars]
        colour = OURS if name == "neuralnet" else OTHERS[(2 * number - 1) % len(OTHERS)]
        axis.bar(places, bars.values(), width, color=colour, label=name)
    for at, part in enumerate(run["shapes"]):
        if device in part["ceiling"]:
            ceiling, label = part["ceiling"][device] / 1e9, None if at else "read ceiling"
            axis.hlines(ceiling, at - 0.45, at + 0.45, color="black", linestyle="--", label=label)
    values = [value for bars in speeds.values() for value in bars.values()]
    if max(values) > 20 * min(values):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xticks(range(len(run["shapes"])), [part["shape"] for part in run["shapes"]])
    axis.set_ylabel("GB/s, inputs and targets counted once")
    machine = run["machine"]
    name = machine["nvidia"][0] if device == "gpu" and machine["nvidia"] else machine["cpu"]
    axis.set_title(f"{device}: {name}, {run['date'][:10]}")
    axis.legend(fontsize="small", ncols=2, loc="upper left", bbox_to_anchor=(1, 1))


if __name__ == "__main__":
    with open(f"{sys.argv[1]}.json") as file:
        draw(json.load(file), sys.argv[1])
