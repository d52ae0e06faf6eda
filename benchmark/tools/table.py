"""Every recorded run under equal settings side by side, as text, csv, Markdown or LaTeX."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.errors import UserError
from benchmark.records.statistics import CONFIDENCE
from benchmark.runner.tables.columns import Column, Row, render
from benchmark.runner.tables.comparison import SHOWN, answers, names_of, recorded_runs

REASONS_SHOWN = 3
INTERVALS = ("interval", "behind_interval")


class Comparison(NamedTuple):
    """The rows of every question, and what is no finished run, one sentence each."""

    answers: list[list[Row]]
    left_out: list[str]


def comparison_of(folders: Sequence[Path]) -> Comparison:
    """Compare the finished runs below ``folders``; raises ``UserError`` where there are none."""
    runs, left_out = [], []
    for folder in folders:
        try:
            found, unreadable = recorded_runs(folder)
        except FileNotFoundError:
            raise UserError(f"There is no folder {folder}.") from None
        runs += found
        left_out += list(map(str, unreadable))
    compared = answers(runs)
    if not compared:
        named = ", ".join(map(str, folders))
        known = "".join(f"; {one}" for one in left_out[:REASONS_SHOWN])
        raise UserError(f"{named}: no finished run there has a metric to compare{known}.")
    return Comparison(compared, left_out)


def as_text(compared: Sequence[Sequence[Row]]) -> str:
    """A table for every question, its common settings above it."""
    parts = []
    for rows in compared:
        first = rows[0]
        head = f"{first['dataset']}, protocol {first['protocol']}, batch size {first['batch_size']}"
        parts.append(f"{head}: mean [{CONFIDENCE:.0%} interval] over seeds")
        parts.append(render(rows, names_of(rows) | SHOWN) + "\n")
    if any(row["ahead"] for rows in compared for row in rows):
        parts.append("* above every other configuration: each difference's interval excludes 0")
    return "\n".join(parts).rstrip()


def as_csv(compared: Sequence[Sequence[Row]]) -> str:
    """One line for every configuration, numbers in full."""
    rows = []
    every = [row for rows in compared for row in rows]
    names = _names(every)
    for number, rows_of_one in enumerate(compared, start=1):
        for row in rows_of_one:
            numbers = {name: row[name] for name in ("seeds", "metric", "mean", "behind", "ahead")}
            for name in INTERVALS:
                low, high = row[name] or (None, None)
                numbers |= {f"{name}_low": low, f"{name}_high": high}
            texts = {title: text(row) for title, text in names.items()}
            rows.append({"comparison": number, **texts, **numbers})
    return pd.DataFrame(rows).to_csv(index=False).rstrip()


def as_markdown(compared: Sequence[Sequence[Row]]) -> str:
    """A Markdown table of all configurations."""
    table = _texts(compared)
    lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def as_latex(compared: Sequence[Sequence[Row]]) -> str:
    """A LaTeX table of all configurations."""
    return _texts(compared).to_latex(index=False, escape=True).rstrip()


def _texts(compared: Sequence[Sequence[Row]]) -> pd.DataFrame:
    columns = _names([row for rows in compared for row in rows]) | SHOWN
    return pd.DataFrame(
        {title: text(row) for title, text in columns.items()} for rows in compared for row in rows
    )


def _names(rows: Sequence[Row]) -> dict[str, Column]:
    said = {title: SHOWN[title] for title in ("system", "i x j x k")}
    always: dict[str, Column] = {
        "dataset": lambda row: row["dataset"],
        "protocol": lambda row: row["protocol"],
        "model": lambda row: row["model"],
    }
    return always | names_of(rows) | said


FORMATS = {"text": as_text, "csv": as_csv, "markdown": as_markdown, "latex": as_latex}
