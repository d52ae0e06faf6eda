"""What several seeds say of one number, as columns of a csv file and as the cell of a table."""

from collections.abc import Iterable, Mapping
from statistics import fmean, median
from typing import Any

import numpy as np
import pandas as pd

from benchmark.records.statistics import CONFIDENCE, MINIMUM_SEEDS, mean_interval
from paper_figures.table_picture import HOLE

RESAMPLING_SEED = 0  # as in the tables that benchmark.run prints
ACCURACIES = (
    f" Accuracy: the mean over seeds and its {CONFIDENCE:.0%} bootstrap interval, of fewer than "
    f"{MINIMUM_SEEDS} seeds the lowest and the highest."
)
COSTS = " Times and memory: the median over seeds, the lowest and the highest."


def mean_columns(name: str, values: Iterable[float | None], scale: float = 1) -> dict[str, Any]:
    """NAME, NAME_low and NAME_high: the mean of those seeds that have a value and its interval."""
    known = [scale * value for value in values if value is not None]
    if not known:
        return _columns(name, None, None, None)
    interval = mean_interval(known, np.random.default_rng(RESAMPLING_SEED))
    return _columns(name, fmean(known), *(interval or (min(known), max(known))))


def median_columns(name: str, values: Iterable[float | None]) -> dict[str, Any]:
    """NAME, NAME_low and NAME_high: median, lowest and highest of those seeds that have a value.

    For times, of which a few are far too long where a machine had something else to do.
    """
    known = [value for value in values if value is not None]
    return _columns(name, *((median(known), min(known), max(known)) if known else (None,) * 3))


def _columns(name: str, *values: float | None) -> dict[str, Any]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def cell(row: Mapping[str, Any], name: str, form: str) -> str:
    """What a table shows of the columns NAME: "98.21 [97.95, 98.40]", published "98.46 ± 0.10".

    Several seeds that agree to the last digit shown have no interval to show.
    """
    value = row.get(name)
    if pd.isna(value):
        return HOLE
    text, *ends = (
        "" if pd.isna(part) else format(part, form)
        for part in (value, row.get(f"{name}_low"), row.get(f"{name}_high"))
    )
    if row["origin"] == "published":
        deviation = row.get(f"{name}_deviation")
        return text if pd.isna(deviation) else f"{text} ± {deviation:{form}}"
    return text if set(ends) <= {text, ""} else f"{text} [{', '.join(ends)}]"
