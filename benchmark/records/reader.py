"""Recorded runs as two tables: one row a run, one row an evaluation; imports nothing that trains.

A record of an earlier version has the same columns as one of today.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records.identity import GROUPS, identifying
from benchmark.records.schema import NUMBER, config_of_today, line_of_today, result_of_today
from benchmark.records.seal import (
    CONFIG,
    DRAWN,
    LINES,
    RESULT,
    DamagedError,
    Unreadable,
    check_seal,
    read_environment,
    read_lines,
    read_object,
    read_settings,
)
from benchmark.records.words import cores

BESIDE_RUNS = {"README.md", "agreement.csv"}
LISTED = 3  # foreign files named per folder
UNTRAINED = ("captured_events", "dataset_statistics", "sampling_speed")  # tasks without epochs
FIELDS: dict[str, tuple[type, ...]] = {
    "suite": (str,), "dataset": (str,), "task": (str,), "metrics": (dict,), "command": (str,),
}  # fmt: skip
TRAINING: dict[str, tuple[type, ...]] = {
    "system": (str,), "model": (str,), "protocol": (str,), "parallelism": (dict,),
    "processes": (int,), "emulated": (bool,), "seed": (int,), "epochs": NUMBER, "seconds": (dict,),
}  # fmt: skip


@dataclass(frozen=True)
class Records:
    """What a results folder holds.

    ``runs``, indexed by run folder: the fields of ``result.json`` (``metrics.NAME``,
    ``seconds.NAME``, ``source.NAME`` and so on by dotted name), ``settings.NAME`` for every setting
    that identifies the run, ``environment.NAME``, ``hardware``, ``parallelism`` as "ixjxk" and
    ``num_trainers``; NaN where a run has none.
    ``evaluations``: ``run`` (the folder), ``iteration``, ``epoch``, ``seconds`` of training alone
    and every ``validation_*`` value.
    """

    runs: pd.DataFrame
    evaluations: pd.DataFrame
    unreadable: list[Unreadable]


def read_records(folder: Path) -> Records:
    """All finished runs below ``folder``, in order of path; FileNotFoundError without a folder."""
    if not os.path.isdir(folder):  # which refuses no name, however long
        raise FileNotFoundError(f"there is no results folder {folder}; name one with --results")
    rows: dict[str, dict[str, Any]] = {}
    evaluations: list[dict[str, Any]] = []
    unreadable: list[Unreadable] = []

    def refused(error: OSError) -> None:
        unreadable.append(Unreadable(Path(error.filename), f"not readable ({error.strerror})"))

    for parent, folders, files in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if name != DRAWN)
        here = Path(parent)
        if not {RESULT, CONFIG, LINES} & set(files):
            unreadable += _foreign(here, files)
            continue
        folders.clear()
        try:
            row = read_run(here)
            lines = [] if row["task"] in UNTRAINED else _read_evaluations(here / LINES)
        except DamagedError as error:
            unreadable.append(error.unreadable)
            continue
        rows[str(here)] = row
        evaluations += [{"run": str(here), **line} for line in lines]
    runs = pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")
    return Records(runs, pd.DataFrame(evaluations or {"run": [], "iteration": []}), unreadable)


def read_run(folder: Path) -> dict[str, Any]:
    """The row of one run folder; raises DamagedError."""
    path = folder / RESULT
    if not path.exists():
        raise DamagedError(folder, "the run is unfinished (it has no result.json)")
    result = read_object(path)
    check_seal(folder, result)
    result = result_of_today(result)
    if result.get("status") == "failed":
        raise DamagedError(folder, f"the run failed: {result.get('reason', 'no reason recorded')}")
    _check(path, result, FIELDS if result.get("task") in UNTRAINED else FIELDS | TRAINING)
    if result.get("status") != "finished":
        raise DamagedError(path, f"status is {result.get('status')!r}, not 'finished'")
    for name, value in result["metrics"].items():
        if not _is_number(value) or not math.isfinite(value):
            raise DamagedError(path, f"the metric {name!r} is {value!r}, not a finite number")
    degrees = _degrees(path, result.pop("parallelism", None) or {"i": 1, "j": 1, "k": 1})
    config = read_settings(folder / CONFIG) if (folder / CONFIG).exists() else {}
    config = _today(folder / CONFIG, config)
    environment = read_environment(folder)
    return {
        **dict(leaves({"seed": 0, "processes": 1, "emulated": False} | result)),
        **{f"settings.{name}": value for name, value in leaves(identifying(config))},
        **{f"environment.{name}": value for name, value in leaves(environment)},
        "hardware": _hardware(environment),
        "parallelism": "x".join(map(str, degrees)),
        "num_trainers": math.prod(degrees),
    }


def read_table(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """A table that was written with runs; ValueError if a column is missing or cannot be read."""
    try:
        table = pd.read_csv(path).astype(columns)
        if table.empty or table[[*columns]].isna().any(axis=None):
            raise ValueError("a value is missing")
    except (OSError, KeyError, ValueError) as error:
        wanted = ", ".join(columns)
        raise ValueError(f"{path}: not readable as {wanted} ({error}); make it again") from None
    return table


def leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Values of a nested mapping by dotted name; lists become tuples."""
    found: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found += leaves(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", tuple(value) if isinstance(value, list) else value))
    return found


def _check(path: Path, values: Mapping[str, Any], fields: dict[str, tuple[type, ...]]) -> None:
    for name, types in fields.items():
        if name not in values:
            raise DamagedError(path, f"the field {name!r} is missing")
        value = values[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise DamagedError(path, f"the field {name!r} has the unusable value {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, NUMBER) and not isinstance(value, bool)


def _degrees(path: Path, parallelism: Mapping[str, Any]) -> list[int]:
    for letter in "ijk":
        degree = parallelism.get(letter)
        if not isinstance(degree, int) or degree < 1:
            raise DamagedError(path, f"parallelism.{letter} is {degree!r}, not a positive number")
    return [parallelism[letter] for letter in "ijk"]


def _hardware(environment: Mapping[str, Any]) -> str | None:
    """The devices, or the processor and its cores where there is none."""
    if environment.get("gpus"):
        return ", ".join(environment["gpus"])
    return f"{environment['cpu']}, {cores(environment.get('cores'))}" if environment else None


def _today(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The settings as today's; a part that holds none is damage."""
    for group in (*GROUPS, "choices", "content"):
        if not isinstance(config.get(group, {}), dict):
            raise DamagedError(path, f"{group} is {config[group]!r}, not settings")
    return config_of_today(config)


def _read_evaluations(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, text in enumerate(read_lines(path), start=1):
        line = line_of_today(text)
        if any(name.startswith("validation_") for name in line):
            missing = [name for name in ("iteration", "epoch", "seconds") if name not in line]
            if missing:
                raise DamagedError(path, f"line {number}: the field {missing[0]!r} is missing")
            rows.append(line)
    if not rows:
        raise DamagedError(path, "holds no line with a validation value")
    return rows


def _foreign(folder: Path, files: list[str]) -> list[Unreadable]:
    names = sorted(n for n in files if n not in BESIDE_RUNS and not n.startswith("."))
    if not names:
        return []
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return [Unreadable(folder, f"{', '.join(names[:LISTED])}{more} belong to no run; ignored")]
