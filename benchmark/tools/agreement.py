"""How far runs agree that should be equal."""

import math
from pathlib import Path
from typing import Any

from benchmark.parallelism import Parallelism
from benchmark.records.identity import settings_text
from benchmark.records.run_folder import RunFolder

COLUMNS = ("i x j x k", "precision", "node_memory", "processes", "losses", "loss", "metric")
Lines = list[dict[str, Any]]


def largest_difference(one: Lines, other: Lines, names: list[str]) -> float:
    """The largest relative difference of the values ``names`` in lines of equal iterations.

    It is infinite where only one run has a value: it was tested, and the other was not. So it is
    where a value is not finite: runs that diverge do not agree.

    Raises:
        ValueError: If the two do not have the same iterations.
    """
    if [line["iteration"] for line in one] != [line["iteration"] for line in other]:
        raise ValueError("the runs do not have lines at the same iterations")
    pairs = [
        (line.get(name, math.nan), twin.get(name, math.nan))
        for line, twin in zip(one, other, strict=True)
        for name in names
        if name in line or name in twin
    ]
    return max((_relative_difference(*pair) for pair in pairs), default=0.0)


def _relative_difference(value: float, other: float) -> float:
    if not (math.isfinite(value) and math.isfinite(other)):
        return math.inf
    return abs(value - other) / max(abs(value), abs(other), 1e-300)


def agreement(folder: Path) -> list[dict[str, Any]]:
    """One row per finished run of a group: its largest relative differences from the reference."""
    groups: dict[str, list[tuple[dict[str, Any], Lines]]] = {}
    for path in sorted(folder.rglob("result.json")):
        run = RunFolder(path.parent)
        result = run.result()
        if result is not None and result["status"] == "finished":
            config = run.config()
            computed = settings_text(
                config, "processes", "machines", "threads", "system.node_memory"
            )
            groups.setdefault(computed, []).append((config, run.metrics()))
    return [row for runs in groups.values() if len(runs) > 1 for row in _compare(runs)]


def _compare(runs: list[tuple[dict[str, Any], Lines]]) -> list[dict[str, Any]]:
    runs = sorted(runs, key=lambda run: (run[0]["processes"], run[0]["system"]["node_memory"]))
    reference = runs[0][1]
    metrics = sorted({name for line in reference for name in line if "_" in name})
    rows = []
    for config, lines in runs:
        values = (
            str(Parallelism(**config["parallelism"])),
            config["system"]["precision"],
            config["system"]["node_memory"],
            config["processes"],
            sum("loss" in line for line in lines),
            f"{largest_difference(reference, lines, ['loss']):.1e}",
            f"{largest_difference(reference, lines, metrics):.1e}",
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows
