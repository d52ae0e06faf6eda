"""Records of one experiment that disagree: one experiment gives the same numbers again."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.records.reader import Records, Unreadable
from benchmark.records.series import FIELDS
from benchmark.records.words import texts

TOLERANCE = 1e-6  # relative


def without_disagreements(records: Records) -> Records:
    """``records`` without those of one experiment, seed and machine whose metrics differ.

    Each is named in ``unreadable`` with the metric and the others; none of them can be trusted.
    """
    runs = records.runs
    if runs.empty:
        return records
    settings = [name for name in map(str, runs.columns) if name.startswith("settings.")]
    key = texts(runs[["task", "parallelism", "seed", *FIELDS, *settings]]).agg("|".join, axis=1)
    wrong: list[Unreadable] = []
    for _, same in runs.groupby(key, sort=False):
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
