"""Sets of runs that are alike: those that differ only in their seed are a line, bar or row."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmark.records.reader import Records, Unreadable
from benchmark.records.words import plain, short, telling_settings, texts

SINGLE = "1x1x1"
SYSTEM_ORDER = ("tgn", "tgl", "tgl_softmax", "disttgl")
ALWAYS_NAMED = ("model", "epochs", "batch_size", "processes")
ALWAYS_VARIES = ("parallelism", "seed", "choices")
FIELDS = ("dataset", "protocol", "system", "model", "epochs", "batch_size", "processes", "hardware")
TOLERANCE = 1e-6  # relative, of numbers that one experiment gives twice

Runs = pd.DataFrame  # rows of Records.runs


class Series(NamedTuple):
    """One configuration of one system, measured with one or more seeds.

    ``difference`` holds "name=value" for each setting that tells it apart from others of its
    system and parallelism, as the label does.
    """

    label: str
    difference: tuple[str, ...]
    runs: pd.DataFrame

    @property
    def first(self) -> Any:
        return self.runs.iloc[0]

    @property
    def name(self) -> str:
        """ "system ixjxk"."""
        return _name(self.first)

    @property
    def settings(self) -> str:
        """``difference`` without the model, which tables name by itself."""
        return ", ".join(text for text in self.difference if not text.startswith("model="))


def make_series(runs: pd.DataFrame) -> list[Series]:
    """Series in drawing order, labelled "system ixjxk" and by what else tells them apart."""
    if runs.empty:
        return []
    own = [name for name in FIELDS if name not in ("hardware", *ALWAYS_VARIES)]
    chosen = telling_settings(runs)
    sets = _equal(runs, ["parallelism", *own, *chosen])
    named: dict[str, list[pd.DataFrame]] = {}
    for part in sets:
        named.setdefault(_name(part.iloc[0]), []).append(part)
    found = []
    for name, parts in named.items():
        if len(parts) == 1:  # which nothing need tell apart
            found.append(Series(name, (), parts[0]))
            continue
        rows = runs.loc[[part.index[0] for part in parts], [*ALWAYS_NAMED, *chosen]]
        written = texts(rows)
        written = written.loc[:, [c for c in rows if c in ALWAYS_NAMED or written[c].nunique() > 1]]
        for part in parts:
            telling = _telling(written, part.index[0])
            difference = tuple(f"{short(n)}={plain(rows.loc[part.index[0], n])}" for n in telling)
            found.append(Series(", ".join([name, *difference]), difference, part))
    return sorted(found, key=lambda one: (*_order(one.first), one.label))


def system_rank(system: str) -> tuple[int, str]:
    """Where a system stands in legends and bar charts."""
    known = system in SYSTEM_ORDER
    return (SYSTEM_ORDER.index(system) if known else len(SYSTEM_ORDER), system)


def _order(run: Any) -> tuple[Any, ...]:
    return (*system_rank(run["system"]), *size_order(run["parallelism"]))


def _name(run: Any) -> str:
    name = f"{run['system']} {run['parallelism']}"
    return f"{name} (emulated)" if run["emulated"] else name


def _telling(rows: pd.DataFrame, run: str) -> list[str]:
    """Settings that set ``run`` apart from the other ``rows``, nothing if it is alone.

    Of those that are not ``ALWAYS_NAMED`` where they differ, as few as are needed. Arguments of a
    model mean something only beside the same model.
    """
    mine, others = rows.loc[run], rows.drop(index=run)
    same_model = others[others["model"] == mine["model"]]

    def tells(name: str) -> bool:
        among = same_model if name.startswith("settings.model.") else others
        return bool((among[name] != mine[name]).any())

    telling = [name for name in map(str, rows.columns) if tells(name)]
    for name in [n for n in reversed(telling) if n not in ALWAYS_NAMED]:
        fewer = [other for other in telling if other != name]
        if (others[fewer] != mine[fewer]).any(axis=1).all():
            telling = fewer
    return telling


def alike(runs: Runs, varies: Iterable[str]) -> list[Runs]:
    """Sets of runs that differ in parallelism, seed and the settings ``varies`` at most.

    A name stands for all settings below it too: "model" for "model.memory_dim".
    """
    if runs.empty:
        return []
    free = (*varies, *ALWAYS_VARIES)
    names = [c for c in map(str, runs.columns) if c.startswith("settings.")]
    settings = [name for name in names if not _below(name.removeprefix("settings."), free)]
    fields = [name for name in FIELDS if name not in free]
    return _equal(runs, [*fields, *settings])


def _equal(runs: Runs, names: list[str]) -> list[Runs]:
    """Sets of runs that are equal in all of ``names``."""
    key = list(map("|".join, texts(runs[names]).to_numpy()))
    return [part for _, part in runs.groupby(key, sort=False)]


def _below(name: str, names: Iterable[str]) -> bool:
    return any(name == other or name.startswith(f"{other}.") for other in names)


def ran_apart(runs: Runs) -> "pd.Series[bool]":
    """Whether each trainer had a device or, which only pinning ensures, a core of its own."""
    on_cores = runs["hardware"].fillna("").str.endswith((" core", " cores"))
    pinned = (column(runs, "settings.pin_cores") == True) | (runs["processes"] == 1)  # noqa: E712
    return (runs["emulated"] != True) & (pinned | ~on_cores)  # noqa: E712


def column(runs: Runs, name: str) -> "pd.Series[Any]":
    """Column ``name``, empty where no record has it."""
    return runs[name] if name in runs else pd.Series(None, runs.index, dtype=object)


def size_order(parallelism: str) -> tuple[int, ...]:
    """Sorts "ixjxk" by number of trainers, then mini-batch, epoch, memory parallelism."""
    i, j, k = (int(degree) for degree in parallelism.split("x"))
    return (i * j * k, k, j, i)


def without_disagreements(records: Records) -> Records:
    """``records`` without those of one experiment, seed and machine whose metrics differ.

    Each is named in ``unreadable`` with the metric and the others; none of them can be trusted.
    """
    runs = records.runs
    if runs.empty:
        return records
    settings = [name for name in map(str, runs.columns) if name.startswith("settings.")]
    wrong: list[Unreadable] = []
    sets = _equal(runs, ["task", "parallelism", "seed", *FIELDS, *settings])
    for same in (part for part in sets if len(part) > 1):
        metrics = same.filter(like="metrics.")
        low, high = metrics.min(), metrics.max()
        apart = (high - low) > TOLERANCE * np.maximum(low.abs(), high.abs())
        apart |= metrics.isna().any() & metrics.notna().any()
        if apart.any():
            name = str(apart.idxmax()).removeprefix("metrics.")
            others = ", ".join(map(str, same.index))
            reason = f"runs of one experiment disagree in {name}: {others}; remove wrong ones"
            wrong += [Unreadable(Path(str(run)), reason) for run in same.index]
    left = runs.drop(index=[str(one.path) for one in wrong])
    return replace(records, runs=left, unreadable=[*records.unreadable, *wrong])
