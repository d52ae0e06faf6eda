"""How fast systems are beside each other on the same stream: the numbers of suite ``peers``."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from statistics import fmean, median
from typing import Any, NamedTuple

from benchmark.parallelism import Parallelism
from benchmark.records.identity import identifying, settings_text
from benchmark.records.run_folder import RunFolder
from benchmark.records.seal import read_environment
from benchmark.records.words import cores
from benchmark.runner.tables.columns import Column, Row, flat, number, render, telling

Result = dict[str, Any]  # the fields of a result.json

TASK = "link_speed"
CASE = ("dataset", "random_edge_features", "batch_size", "system", "degrees")
BASELINE = "tgn"
# What may differ between systems that are compared.
SYSTEM_KEYS = ("system", "model", "choices.system", "choices.model", "parallelism", "processes")
BATCH = ("nodes", "root_nodes", "roots", "edges", "gflop_per_batch")  # of ``operation_floor``


class Spread(NamedTuple):
    """Over the repeats."""

    median: float
    least: float
    most: float


def peer_speeds(folders: Sequence[RunFolder]) -> list[Row]:
    """One row for every system on every case, from its finished runs of task ``link_speed``.

    Seeds are repeats, of settings that are otherwise equal. ``events_per_second`` and
    ``events_per_cpu_second`` are those of training, ``evaluate_seconds`` and
    ``evaluate_cpu_seconds`` those of validation, all ``Spread``.
    ``times_baseline`` and ``times_baseline_cpu`` divide the rates by those of the baseline with
    the same seed, the fastest of several, such as in two precisions; they are None where it has
    not run. ``batch`` holds the mean counts of ``operation_floor`` and ``gflop_per_second`` the
    measured rates of products. ``floor`` is the events per second at the largest of these, since a
    disturbed measurement is a slower one, and ``share_of_floor`` the part of it reached.
    """
    groups: dict[str, tuple[str, dict[int, Result]]] = {}
    settings: dict[str, Row] = {}
    for folder, result in _finished(folders):
        config = folder.config()
        case = settings_text(config, "seed", *SYSTEM_KEYS)
        key = settings_text(config, "seed")
        settings[key] = flat(identifying(config, "seed"))
        _, repeats = groups.setdefault(key, (case, {}))
        repeats[result["seed"]] = result
    baselines: dict[str, dict[int, Result]] = {}
    for case, repeats in groups.values():
        fastest = baselines.setdefault(case, {})
        for seed, result in repeats.items():
            if result["system"] == BASELINE:
                fastest[seed] = max(fastest.get(seed, result), result, key=_rate)
    return [
        _row(repeats, baselines[case]) | {"settings": settings[key]}
        for key, (case, repeats) in groups.items()
    ]


def machines(folders: Sequence[RunFolder]) -> list[str]:
    """What the finished runs ran on, each machine and number of threads once."""
    lines = []
    for environment in filter(None, (read_environment(f.path) for f, _ in _finished(folders))):
        hardware = [environment["cpu"], cores(environment["cores"]), *environment["gpus"]]
        threads = environment["threads_per_process"]
        lines.append(f"{', '.join(hardware)}; threads per process: {threads}")
    return list(dict.fromkeys(lines))


def _finished(folders: Sequence[RunFolder]) -> Iterator[tuple[RunFolder, Result]]:
    """The finished runs of the task, with their results."""
    for folder in folders:
        result = folder.result()
        if result and result["status"] == "finished" and result["task"] == TASK:
            yield folder, result


def _row(repeats: dict[int, Result], baseline: dict[int, Result]) -> Row:
    results = list(repeats.values())
    pairs = [(result, baseline[seed]) for seed, result in repeats.items() if seed in baseline]
    counted = [result for result in results if "operation_floor" in result]
    floors = [result["operation_floor"] for result in counted]
    fastest = max((floor["gflop_per_second"] for floor in floors), default=0.0)
    reachable = [
        floor["events_per_second"] * fastest / floor["gflop_per_second"] for floor in floors
    ]
    return {
        "dataset": results[0]["dataset"],
        "random_edge_features": results[0]["source"]["random_edge_features"],
        "batch_size": results[0]["batch_size"],
        "system": results[0]["system"],
        "degrees": str(Parallelism(**results[0]["parallelism"])),
        "repeats": len(results),
        "events_per_second": _spread(map(_rate, results)),
        "events_per_cpu_second": _spread(map(_cpu_rate, results)),
        "times_baseline": _spread(_rate(one) / _rate(other) for one, other in pairs),
        "times_baseline_cpu": _spread(_cpu_rate(one) / _cpu_rate(other) for one, other in pairs),
        "evaluate_seconds": _spread(result["seconds"]["evaluate"] for result in results),
        "evaluate_cpu_seconds": _spread(result["cpu_seconds"]["evaluate"] for result in results),
        "batch": {name: fmean(floor[name] for floor in floors) for name in BATCH if floors},
        "gflop_per_second": _spread(floor["gflop_per_second"] for floor in floors),
        "floor": _spread(reachable),
        "share_of_floor": _spread(
            _rate(result) / floor for result, floor in zip(counted, reachable, strict=True)
        ),
    }


def _spread(values: Iterable[float]) -> Spread | None:
    found = list(values)
    return Spread(median(found), min(found), max(found)) if found else None


def _rate(result: Result) -> float:
    """Training events per second of wall time."""
    return float(result["throughput_events_per_second"])


def _cpu_rate(result: Result) -> float:
    """Training events per second of CPU time, that of all threads."""
    return _rate(result) * float(result["seconds"]["train"]) / result["cpu_seconds"]["train"]


def print_peers(rows: Sequence[Row], machines: Sequence[str]) -> None:
    """Print ``peer_speeds`` and what it was measured on; nothing without rows."""
    if not rows:
        return
    print("Beside each other: median [smallest, largest] over the repeats, ratios by repeat")
    print(render(rows, _case(rows) | _speeds()))
    print()
    counted = [row for row in rows if row["batch"]]
    if counted:
        print("Floor: the operations of a mean training batch at the measured rate of its products")
        print(render(counted, _case(counted) | _floors()))
        print()
    for machine in machines:
        print(f"Measured on {machine}")


def _case(rows: Sequence[Row]) -> dict[str, Column]:
    """What a row is of: the names, and every setting that differs between rows."""
    return telling(rows, CASE) | {
        "dataset": lambda row: row["dataset"],
        "edge features": lambda row: _edge_features(row["random_edge_features"]),
        "batch size": lambda row: str(row["batch_size"]),
        "system": lambda row: row["system"],
        "i x j x k": lambda row: row["degrees"],
    }


def _speeds() -> dict[str, Column]:
    return {
        "repeats": lambda row: str(row["repeats"]),
        "events/s": lambda row: _shown(row["events_per_second"], ",.0f"),
        "events/CPU s": lambda row: _shown(row["events_per_cpu_second"], ",.0f"),
        f"by {BASELINE}": lambda row: _shown(row["times_baseline"], ".2f"),
        f"by {BASELINE}, CPU": lambda row: _shown(row["times_baseline_cpu"], ".2f"),
        "validation s": lambda row: _shown(row["evaluate_seconds"], ".1f"),
        "validation CPU s": lambda row: _shown(row["evaluate_cpu_seconds"], ".1f"),
    }


def _floors() -> dict[str, Column]:
    counts = ("nodes", "root_nodes", "roots", "edges")
    return {name.replace("_", " "): partial(_count, name) for name in counts} | {
        "GFLOP": lambda row: number(row["batch"]["gflop_per_batch"], ".2f"),
        "GFLOP/s": lambda row: _shown(row["gflop_per_second"], ".1f"),
        "floor events/s": lambda row: _shown(row["floor"], ",.0f"),
        "of floor": lambda row: _shown(row["share_of_floor"], ".2f"),
    }


def _count(name: str, row: Row) -> str:
    return number(row["batch"][name], ",.0f")


def _edge_features(random: int) -> str:
    return f"{random} random" if random else "its own"


def _shown(spread: Spread | None, form: str) -> str:
    if spread is None:
        return ""
    return f"{spread.median:{form}} [{spread.least:{form}}, {spread.most:{form}}]"
