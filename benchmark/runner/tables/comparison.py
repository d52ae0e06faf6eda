"""What runs say over seeds: means, and differences to the best configuration."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.parallelism import Parallelism
from benchmark.records.identity import identifying
from benchmark.records.reader import Unreadable, read_records
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
Configurations = Mapping[str, dict[int, Result]]  # by settings and seed

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


WHEN: dict[str, Column] = {"recorded": lambda row: "before" if row["before"] else "now"}


def compare(folders: Sequence[RunFolder], recorded: Sequence[RunFolder] = ()) -> list[Row]:
    """What ``answers`` says of ``folders``, beside the ``recorded`` runs of the same questions.

    Nothing where there is one seed of each, and nothing to compare them with.
    """
    asked = _questions(folders)
    both = _questions([*folders, *recorded])
    own = {settings for runs in asked.values() for settings in runs}
    rows = [
        row | {"before": settings not in own}
        for question in asked
        for settings, row in _answer(both[question]).items()
    ]
    return rows if any(row["seeds"] > 1 or row["before"] for row in rows) else []


def answers(folders: Sequence[RunFolder]) -> list[list[Row]]:
    """For every question, a row for every configuration whose finished runs have a best round.

    ``mean`` and ``interval`` are those of the test metric (of validation where there was no test)
    over ``seeds``. ``behind`` is how far the mean lies behind that of the best configuration for
    the same question, with ``behind_interval``, both on the seeds that the two share; None for the
    best. ``ahead`` says that it is the best and significantly above every other one.
    """
    return [list(_answer(runs).values()) for runs in _questions(folders).values()]


def recorded_runs(folder: Path) -> tuple[list[RunFolder], list[Unreadable]]:
    """The finished runs below ``folder``, and what there is beside them and why it is no run."""
    records = read_records(folder)
    return [RunFolder(path) for path in records.runs.index], records.unreadable


def _questions(folders: Sequence[RunFolder]) -> dict[str, Configurations]:
    """The results by question, settings and seed; of equal runs the first."""
    questions: dict[str, Configurations] = defaultdict(lambda: defaultdict(dict))
    for folder in folders:
        result = folder.result()
        if result and result["status"] == "finished" and _metric(result):
            settings = identifying(folder.config(), "seed")
            data = settings["content"].get("data")
            asked = [data, *(settings.get(key) for key in QUESTION)]
            question = json.dumps([*asked, result["visibility"]], sort_keys=True)
            of_seed = questions[question][json.dumps(settings, sort_keys=True)]
            of_seed.setdefault(result["seed"], result)
    return questions


def print_comparison(rows: Sequence[Row]) -> None:
    """Print ``compare``; nothing without rows."""
    if not rows:
        return
    print(f"Over seeds: mean [{CONFIDENCE:.0%} interval], differences paired by seed")
    print(render(rows, names_of(rows) | SHOWN | WHEN if _mixed(rows) else names_of(rows) | SHOWN))
    if any(row["seeds"] < 2 for row in rows):
        print("One seed gives no interval, and nothing is significant.")
    if any(row["ahead"] for row in rows):
        print("* above every other configuration: the interval of each difference excludes 0")
    print()


def names_of(rows: Sequence[Row]) -> dict[str, Column]:
    """A column for every setting that differs between the rows."""
    columns = {
        title: text for title, text in SETTINGS.items() if len({text(row) for row in rows}) > 1
    }
    return columns | telling(rows, (*NAMES, "degrees"))


def _mixed(rows: Sequence[Row]) -> bool:
    return any(row.get("before") for row in rows)


def _answer(runs: Configurations) -> dict[str, Row]:
    """The rows of one question, by settings."""
    values = {
        settings: {seed: result["metrics"][_metric(result)] for seed, result in of_seed.items()}
        for settings, of_seed in runs.items()
    }
    best = max(values, key=lambda settings: np.mean(list(values[settings].values())))
    rows = {}
    for settings, of_seed in values.items():
        sample = list(of_seed.values())
        behind = [] if settings == best else paired_differences(values[best], of_seed)
        rows[settings] = {
            **_names(next(iter(runs[settings].values()))),
            "settings": flat(json.loads(settings)),
            "seeds": len(sample),
            "mean": float(np.mean(sample)),
            "interval": mean_interval(sample),
            "behind": float(np.mean(behind)) if behind else None,
            "behind_interval": mean_interval(behind),
            "ahead": settings == best and _is_ahead(best, values),
        }
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
