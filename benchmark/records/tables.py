"""Rows and curves of sets of runs, with averages over their seeds, and cells that show them."""

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from math import inf, nan
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records.selection import Group
from benchmark.records.series import column
from benchmark.records.statistics import Estimate, mean_estimate, median_estimate
from benchmark.records.words import commands, plain

Row = dict[Any, Any]  # a row of a table, by column
Sets = Iterable[tuple[Row, pd.DataFrame]]  # what some runs are, by column, and these runs

HOLE = "-"  # neither measured nor published


def sets_by(runs: pd.DataFrame, *names: str) -> Sets:
    """Runs that are equal in the columns ``names``."""
    for key, part in runs.groupby(list(names)):
        yield dict(zip(names, key, strict=True)), part


def summary(sets: Sets, means: Sequence[str] = (), medians: Sequence[str] = ()) -> pd.DataFrame:
    """A row for each set of runs: what it is, and ``means`` and ``medians`` over its seeds."""
    rows = []
    for named, runs in sets:
        values = [columns(name, mean_estimate(column(runs, name))) for name in means]
        values += [columns(name, median_estimate(column(runs, name))) for name in medians]
        told = {"num_runs": runs["seed"].nunique(), "source": commands(runs), "origin": "measured"}
        rows.append({"by": "measured", **named, **ChainMap(*values), **told})
    return pd.DataFrame(rows)


def over_seeds(points: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Mean, lowest and highest ``y`` of the points at each ``x``."""
    ends = {y: (y, "mean"), "lowest": (y, "min"), "highest": (y, "max"), "num_runs": (y, "size")}
    return points.groupby(x, as_index=False).agg(**ends)


def mean_curves(group: Group, sets: Sets, metric: str) -> pd.DataFrame:
    """``over_seeds`` of each set by iteration, and the mean of its training seconds.

    ``emulated`` says whether trainers shared a process, whose seconds mean nothing.
    """
    parts = []
    for named, runs in sets:
        points = pd.concat(group.curves(runs)).dropna(subset=metric)
        curve = over_seeds(points, "iteration", metric)
        seconds = points.groupby("iteration")["seconds"].mean().to_numpy()
        curve["emulated"] = emulated = bool(runs["emulated"].any())
        curve["seconds"] = nan if emulated else seconds
        parts.append(curve.assign(**named, origin="measured", source=commands(runs)))
    return pd.concat(parts, ignore_index=True)


def times(runs: pd.DataFrame, value: str, single: "pd.Series[bool]", by: list[str]) -> Any:
    """``value`` of each run by that of the ``single`` one that is equal to it in ``by``."""
    alone = runs[single].groupby(by)[value].first().rename("alone")
    return runs[value] / runs.join(alone, on=by)["alone"]


def columns(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """NAME, NAME_low and NAME_high of a csv file."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), estimate or (None,) * 3, strict=True))


def cell(row: Mapping[Any, Any], name: str, form: str) -> str:
    """What a table shows of the columns NAME: "98.21 [97.95, 98.40]", published "98.46 ± 0.10".

    Several seeds that agree to the last digit shown have no interval to show.
    """
    text, low, high, deviation = (
        "" if pd.isna(value) else "not reached" if value == inf else format(value, form)
        for value in (row.get(name + end) for end in ("", "_low", "_high", "_deviation"))
    )
    if text and deviation:
        return f"{text} ± {deviation}"
    ends = list(filter(None, (low, high)))
    return f"{text} [{', '.join(ends)}]" if text and {*ends} - {text} else text or HOLE


def written(estimate: Estimate, form: str) -> str:
    """An estimate as a cell."""
    return cell(columns("value", estimate), "value", form)


def shown(table: pd.DataFrame, spec: dict[str, Any]) -> pd.DataFrame:
    """A table of texts, with ``origin``: by title a column as it is, or an estimate and its form.

    Columns that hold nothing are left out.
    """
    rows = [
        {
            title: cell(row, *what) if isinstance(what, tuple) else _text(row.get(what))
            for title, what in (spec | {"origin": "origin"}).items()
        }
        for row in table.to_dict("records")
    ]
    texts = pd.DataFrame(rows)
    return texts.loc[:, ~texts.isin(["", HOLE]).all()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if pd.isna(value) else plain(value)


def write_table(table: pd.DataFrame, caption: str, stem: Path) -> list[Path]:
    """Write STEM.md and STEM.tex; returns their paths."""
    lines = [table.columns, ["---"] * table.shape[1], *table.to_numpy()]
    rows = "\n".join(f"| {' | '.join(map(cell_of_markdown, line))} |" for line in lines)
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", caption)
    texts = {".md": f"{rows}\n\n{caption}\n",
             ".tex": table.to_latex(index=False, escape=True, caption=escaped)}  # fmt: skip
    for ending, text in texts.items():
        stem.with_suffix(ending).write_text(text, encoding="utf-8")
    return [stem.with_suffix(ending) for ending in texts]


def cell_of_markdown(text: object) -> str:
    """A text that ends neither its cell nor its row."""
    return str(text).replace("|", "\\|").replace("\n", " ")
