"""How much sooner many trainers are where one trainer got to."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from statistics import median
from typing import Any, NamedTuple

import pandas as pd

from benchmark.parallelism import Parallelism
from benchmark.records.identity import identifying, settings_text
from benchmark.records.run_folder import RunFolder
from benchmark.records.statistics import FRACTION, reaching, target_of
from benchmark.runner.tables.columns import Column, Row, flat, number, render, telling

SINGLE = "1x1x1"
THROUGHPUT = "throughput_events_per_second"


class _Run(NamedTuple):
    result: Row
    settings: dict[str, Any]
    curve: pd.DataFrame  # one row for each evaluation


def speedups(folders: Sequence[RunFolder]) -> list[Row]:
    """One row for every configuration with finished runs that has finished at 1x1x1 too.

    ``iterations`` and ``seconds`` of training, the median over seeds, are those to the target of
    ``benchmark.records.statistics``, None where it is not reached; ``speedup_iterations``,
    ``speedup_seconds`` and ``speedup_throughput`` compare with 1x1x1. Seconds and throughput are
    None for emulated trainers, which did not run side by side.
    """
    experiments: dict[str, dict[str, list[_Run]]] = defaultdict(lambda: defaultdict(list))
    for folder in folders:
        if (run := _finished(folder)) is not None:
            config = folder.config()
            key = settings_text(config, "seed", "parallelism", "processes")
            experiments[key][settings_text(config, "seed")].append(run)
    rows = []
    for configurations in experiments.values():
        runs = [one for one in configurations.values() if _degrees(one) == SINGLE]
        if runs:
            rows += [_compare(many, runs[0]) for many in configurations.values()]
    return rows


def print_speedups(rows: Sequence[Row]) -> None:
    """Print ``tables.speedup.speedups``; nothing where 1x1x1 has only itself to compare with."""
    if all(row["degrees"] == SINGLE for row in rows):
        return
    columns: dict[str, Column] = {
        "system": lambda row: row["system"],
        **telling(rows, ("system", "processes", "degrees")),
        "seeds": lambda row: str(row["seeds"]),
        "i x j x k": lambda row: row["degrees"],
        "target": lambda row: number(row["target"], ".4f"),
        "iterations": lambda row: number(row["iterations"], ",.0f") or "not reached",
        "speed-up": lambda row: number(row["speedup_iterations"], ".2f"),
        "train s": lambda row: number(row["seconds"], ".1f"),
        "speed-up in time": lambda row: number(row["speedup_seconds"], ".2f"),
        "speed-up in events/s": lambda row: number(row["speedup_throughput"], ".2f"),
    }
    print(f"Against 1x1x1: to {FRACTION:.0%} of its best validation metric")
    print(render(rows, {name: text for name, text in columns.items() if any(map(text, rows))}))
    print()


def _compare(many: list[_Run], single: list[_Run]) -> Row:
    first = many[0].result
    metric = f"validation_{first['primary_metric']}"
    curves, singles = ([run.curve for run in runs] for runs in (many, single))
    target = target_of(singles, metric)
    alone = not first["emulated"]

    def reached(x: str) -> tuple[float | None, float | None]:
        """``x`` at the target, and that of one trainer by it; None where it is not reached."""
        mine, one = (median(reaching(runs, metric, target, x)) for runs in (curves, singles))
        return (mine if isfinite(mine) else None), _ratio(one, mine)

    iterations, sooner = reached("iteration")
    seconds, faster = reached("seconds") if alone else (None, None)
    return {
        "system": first["system"],
        "processes": first["processes"],
        "settings": many[0].settings,
        "seeds": len(many),
        "degrees": _degrees(many),
        "target": target,
        "iterations": iterations,
        "seconds": seconds,
        "speedup_iterations": sooner,
        "speedup_seconds": faster,
        "speedup_throughput": _ratio(_throughput(many), _throughput(single)),
    }


def _finished(folder: RunFolder) -> _Run | None:
    result = folder.result()
    if result is None or result["status"] != "finished" or result["primary_metric"] is None:
        return None
    metric = f"validation_{result['primary_metric']}"
    curve = pd.DataFrame([line for line in folder.metrics() if metric in line])
    settings = flat(identifying(folder.config(), "seed"))
    return None if curve.empty else _Run(result, settings, curve)


def _degrees(runs: Sequence[_Run]) -> str:
    return str(Parallelism(**runs[0].result["parallelism"]))


def _throughput(runs: Iterable[_Run]) -> float:
    known = [run.result[THROUGHPUT] for run in runs]
    return median(known) if all(known) else float("nan")


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if isfinite(top) and isfinite(bottom) and bottom else None
