"""Rates by shape, a bar for each peer, the ceiling as a line: `picture.py NAME` draws it again from NAME.json."""

import json
import sys

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

RATES = {  # what a run of `run.py` and one of `network.py` is about: its unit, and its ceiling
    "bytes_per_second": ("GB/s, inputs and targets counted once", "read ceiling"),
    "flop_per_second": ("GFLOP/s of the products", "fma ceiling"),
}
# A dark colour and a light one for each program: float64 is light where there is float32 too. Red is ours alone.
PAIRS = [plt.get_cmap("tab20").colors[2 * hue : 2 * hue + 2] for hue in (3, 0, 1, 2, 4, 5, 6, 8, 9, 7)]


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
    rate = run.get("rate", "bytes_per_second")
    unit, of_ceiling = RATES[rate]
    speeds = {}  # of each contestant, by the number of the shape
    for at, part in enumerate(run["shapes"]):
        for result in part["results"]:
            if result["device"] == device and rate in result:
                name = " ".join([result["name"], *([result["kind"]] if "kind" in result else [])])
                speeds.setdefault(name, {})[at] = result[rate] / 1e9
    width, programs = 0.8 / len(speeds), []
    for number, (name, bars) in enumerate(speeds.items()):
        places = [at - 0.4 + (number + 0.5) * width for at in bars]
        program = name.removesuffix(" float64").removesuffix(" float32")
        if program not in programs:
            programs.append(program)
        is_light = name.endswith("float64") and f"{program} float32" in speeds
        colour = PAIRS[programs.index(program) % len(PAIRS)][is_light]
        axis.bar(places, bars.values(), width, color=colour, label=name)
    for at, part in enumerate(run["shapes"]):
        if device in part["ceiling"]:
            ceiling, label = part["ceiling"][device] / 1e9, None if at else f"{of_ceiling}{precision(part)}"
            axis.hlines(ceiling, at - 0.45, at + 0.45, color="black", linestyle="--", label=label)
    values = [value for bars in speeds.values() for value in bars.values()]
    if max(values) > 20 * min(values):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xticks(range(len(run["shapes"])), [part["shape"].replace(":", ", ") for part in run["shapes"]])
    axis.set_ylabel(unit)
    machine = run["machine"]
    name = machine["nvidia"][0] if device == "gpu" and machine["nvidia"] else machine["cpu"]
    axis.set_title(f"{device}: {name}, {run['date'][:10]}")
    axis.legend(fontsize="small", ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.08))


def precision(part):
    """Of the numbers of the ceiling, if it is one of arithmetic."""
    return f", {part['bench']['arithmetic_ceiling']['precision']}" if "bench" in part else ""


if __name__ == "__main__":
    with open(f"{sys.argv[1]}.json") as file:
        draw(json.load(file), sys.argv[1])
