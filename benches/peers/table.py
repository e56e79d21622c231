"""Medians, ratios, and the table for people."""

import statistics


def with_ratios(part):
    """A shape, or the article, with the median of each result and its place among the others."""
    timed = {}
    for result in part["results"]:
        if "failed" not in result:
            result["median"] = statistics.median(second for repeats in result["seconds"] for second in repeats)
            timed.setdefault(result["device"], {})[result["name"]] = result
    part["ceiling"] = {}  # bytes per second, as `bench` measured it in each round
    for device, results in timed.items():
        ours = results.get("neuralnet")
        if ours:
            ceilings = [printed["ceiling"]["bytes_per_second"] for printed in ours["bench"]]
            part["ceiling"][device] = statistics.median(ceilings)
        for result in results.values():
            if ours:
                result["time_of_ours"] = result["median"] / ours["median"]
            if "bytes" in part:
                result["bytes_per_second"] = part["bytes"] / result["median"]
            if ours and "bytes" in part:
                result["share_of_ceiling"] = result["bytes_per_second"] / part["ceiling"][device]
    return part


def verdict(result):
    if "failed" in result:
        return f"failed: {result['failed']}"
    return "equal" if result["equal"] else f"WRONG: error {size(result['error'])}"


def size(error):
    """Of the way from the start to the reference."""
    return "not finite" if error is None else f"{error:.1e}"


def head(run):
    machine = run["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, load {machine['load'][0]:.1f}; {run['date']}"]
    lines += machine["nvidia"]
    lines += [", ".join(f"{name} {version}" for name, version in run["versions"].items()) or "no peer is there"]
    lines += [f"absent: {name}: {why}" for name, why in run["absent"].items()]
    return "\n".join(lines)


def rows(part, heading, cells):
    lines = [f"{'':24}{'on':>4} " + " ".join(f"{name:>11}" for name in heading)]
    for result in part["results"]:
        name = f"{result['name']:24}{result['device']:>4} "
        if "failed" in result:
            lines.append(name + verdict(result))
            continue
        first = "" if "first_seconds" not in result else f"{result['first_seconds']:.3f}"
        numbers = [*cells(result), optional(result, "time_of_ours", ".2f"), first, size(result["error"])]
        lines.append(name + " ".join(f"{number:>11}" for number in numbers) + f"  {verdict(result).split(':')[0]}")
    return "\n".join(lines)


def optional(result, key, kind):
    return format(result[key], kind) if key in result else "-"


def of_shape(part):
    ceilings = [f"; read ceiling on {device} {speed / 1e9:.1f} GB/s" for device, speed in part["ceiling"].items()]
    title = f"\n{part['shape']}: {part['bytes'] / 1e6:.1f} MB of inputs and targets{''.join(ceilings)}\n"
    heading = ["ms/iter", "GB/s", "of ceiling", "time/ours", "first s", "error"]

    def cells(result):
        speed = f"{result['bytes_per_second'] / 1e9:.2f}"
        return f"{result['median'] * 1e3:.3f}", speed, optional(result, "share_of_ceiling", ".3f")

    return title + rows(part, heading, cells)


def of_article(part):
    title = f"\nthe article: 3x3, {part['iterations']:,} iterations\n"
    heading = ["ns/iter", "time/ours", "first s", "error"]
    return title + rows(part, heading, lambda result: [f"{result['median'] * 1e9:.1f}"])
