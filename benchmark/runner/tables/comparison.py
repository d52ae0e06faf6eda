"""What the runs of a suite say over seeds: means, and differences to the best configuration."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.parallelism import Parallelism
from benchmark.records.identity import identifying
from benchmark.records.run_folder import RunFolder
from benchmark.records.statistics import (
    CONFIDENCE,
    Interval,
    is_above,
    mean_interval,
    paired_differences,
)
from benchmark.runner.tables.columns import NAMES, SETTINGS, Column, Row, flat, render, telling

Result = dict[str, Any]  # the fields of a result.json

# Runs that agree in these settings, and honoured the same visibility, answer the same question and
# may be compared.
QUESTION = (
    "dataset", "task", "protocol", "batch_size", "max_events",
    "random_edge_features", "class_features",
)  # fmt: skip


SHOWN: dict[str, Column] = {
    "system": lambda row: row["system"],
    "i x j x k": lambda row: row["degrees"],
    "seeds": lambda row: str(row["seeds"]),
    "metric": lambda row: row["metric"].replace("_", " "),
    "mean": lambda row: _measured(row["mean"], row["interval"]) + (" *" if row["ahead"] else ""),
    "behind the best": lambda row: _measured(row["behind"], row["behind_interval"]),
}


def compare(folders: Sequence[RunFolder]) -> list[Row]:
    """One row for every configuration whose finished runs have a best round; none for one seed.

    ``mean`` and ``interval`` are those of the test metric (of validation where there was no test)
    over ``seeds``. ``behind`` is how far the mean lies behind that of the best configuration for
    the same question, with ``behind_interval``, both on the seeds that the two share; None for the
    best. ``ahead`` says that it is the best and significantly above every other one.
    """
    questions: dict[str, dict[str, dict[int, Result]]] = defaultdict(lambda: defaultdict(dict))
    for folder in folders:
        result = folder.result()
        if result and result["status"] == "finished" and _metric(result):
            settings = identifying(folder.config(), "seed")
            data = settings["content"].get("data")
            asked = [data, *(settings.get(key) for key in QUESTION)]
            question = json.dumps([*asked, result["visibility"]])
            questions[question][json.dumps(settings)][result["seed"]] = result
    rows = [row for runs in questions.values() for row in _answer(runs)]
    return rows if any(row["seeds"] > 1 for row in rows) else []


def print_comparison(rows: Sequence[Row]) -> None:
    """Print ``compare``; nothing without rows."""
    if not rows:
        return
    columns = {
        title: text for title, text in SETTINGS.items() if len({text(row) for row in rows}) > 1
    }
    print(f"Over seeds: mean [{CONFIDENCE:.0%} interval], differences paired by seed")
    print(render(rows, columns | telling(rows, (*NAMES, "degrees")) | SHOWN))
    if any(row["seeds"] < 2 for row in rows):
        print("One seed gives no interval, and nothing is significant.")
    if any(row["ahead"] for row in rows):
        print("* above every other configuration: the interval of each difference excludes 0")
    print()


def _answer(runs: Mapping[str, Mapping[int, Result]]) -> list[Row]:
    """The rows of one question, from the results by settings and seed."""
    values = {
        settings: {seed: result["metrics"][_metric(result)] for seed, result in of_seed.items()}
        for settings, of_seed in runs.items()
    }
    best = max(values, key=lambda settings: np.mean(list(values[settings].values())))
    rows = []
    for settings, of_seed in values.items():
        sample = list(of_seed.values())
        behind = [] if settings == best else paired_differences(values[best], of_seed)
        rows.append(
            {
                **_names(next(iter(runs[settings].values()))),
                "settings": flat(json.loads(settings)),
                "seeds": len(sample),
                "mean": float(np.mean(sample)),
                "interval": mean_interval(sample),
                "behind": float(np.mean(behind)) if behind else None,
                "behind_interval": mean_interval(behind),
                "ahead": settings == best and _is_ahead(best, values),
            }
        )
    return rows


def _is_ahead(best: str, values: Mapping[str, Mapping[int, float]]) -> bool:
    others = [of_seed for settings, of_seed in values.items() if settings != best]
    above = [is_above(values[best], other) for other in others]
    return bool(above) and all(above)


def _names(result: Result) -> Row:
    degrees = str(Parallelism(**result["parallelism"]))
    return {name: result[name] for name in NAMES} | {"degrees": degrees, "metric": _metric(result)}


def _metric(result: Result) -> str:
    """The primary metric of test, of validation where there was no test; empty without one."""
    primary = result["primary_metric"]
    if primary is None:
        return ""
    test = f"test_{primary}"
    return test if test in result["metrics"] else f"validation_{primary}"


def _measured(mean: float | None, interval: Interval | None) -> str:
    if mean is None:
        return ""
    return f"{mean:.4f}" + (f" [{interval.low:.4f}, {interval.high:.4f}]" if interval else "")
