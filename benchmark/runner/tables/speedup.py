"""How much sooner many trainers are where one trainer got to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.parallelism import Parallelism
from benchmark.records.identity import settings_text
from benchmark.records.run_folder import RunFolder

Row = dict[str, Any]

FRACTION = 0.95  # of the best validation metric of 1x1x1 (DistTGL, section 4.1 uses such fractions)


@dataclass(frozen=True)
class Arrival:
    """When a run first reached a target in validation; None where it never did."""

    iteration: int | None
    seconds: float | None  # of training, evaluation excluded


def arrival(lines: Sequence[dict[str, Any]], metric: str, target: float) -> Arrival:
    """The first evaluation in ``metrics.jsonl`` whose ``metric`` is at least ``target``."""
    for line in lines:
        if line.get(metric, float("-inf")) >= target:
            return Arrival(line["iteration"], line["seconds"])
    return Arrival(None, None)


def speedups(folders: Sequence[RunFolder]) -> list[Row]:
    """One row for every finished run of which the same experiment at 1x1x1 has finished too.

    ``iterations`` and ``seconds`` are those to FRACTION of the best validation metric of 1x1x1;
    ``speedup_iterations``, ``speedup_seconds`` and ``speedup_throughput`` compare with 1x1x1.
    Seconds and throughput are None for emulated trainers, which did not run side by side.
    """
    runs = [(folder, result) for folder in folders if (result := _finished(folder)) is not None]
    ones = {_key(run): (run, result) for run, result in runs if _degrees(result) == "1x1x1"}
    return [_compare((run, result), ones[_key(run)]) for run, result in runs if _key(run) in ones]


def _compare(run: tuple[RunFolder, Row], baseline: tuple[RunFolder, Row]) -> Row:
    metric = f"validation_{baseline[1]['primary_metric']}"
    target = FRACTION * baseline[1]["metrics"][f"{metric}_best"]
    one, many = (arrival(folder.metrics(), metric, target) for folder, _ in (baseline, run))
    alone = not run[1]["emulated"]
    throughput = "throughput_events_per_second"
    return {
        "system": run[1]["system"],
        "seed": run[1]["seed"],
        "degrees": _degrees(run[1]),
        "target": target,
        "iterations": many.iteration,
        "seconds": many.seconds if alone else None,
        "speedup_iterations": _ratio(one.iteration, many.iteration),
        "speedup_seconds": _ratio(one.seconds, many.seconds) if alone else None,
        "speedup_throughput": _ratio(run[1][throughput], baseline[1][throughput]),
    }


def _finished(folder: RunFolder) -> Row | None:
    result = folder.result()
    if result is None or result["status"] != "finished":
        return None
    return None if result["primary_metric"] is None else result


def _key(folder: RunFolder) -> str:
    return settings_text(folder.config(), "parallelism", "processes")


def _degrees(result: Row) -> str:
    return str(Parallelism(**result["parallelism"]))


def _ratio(top: float | None, bottom: float | None) -> float | None:
    return top / bottom if top is not None and bottom else None
