"""Recorded runs side by side: ``python -m benchmark.table FOLDER ...``.

Below the folders, every finished run is compared with those of equal data set, task, protocol and
batch: the mean over seeds with its interval, and the difference to the best, paired by seed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.errors import UserError
from benchmark.runner.tables.columns import Row
from benchmark.runner.tables.comparison import (
    SHOWN,
    Answer,
    answers,
    as_text,
    names_of,
    ranges,
    recorded_runs,
)

REASONS_SHOWN = 3
INTERVALS = ("interval", "behind_interval")
QUESTION = "question"


class Comparison(NamedTuple):
    """What is said of every question, and what is no finished run, one sentence each."""

    answers: list[Answer]
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


def as_csv(told: Sequence[Answer]) -> str:
    """One line for every configuration, numbers in full."""
    return pd.concat([_frame(answer) for answer in told]).to_csv(index=False).rstrip()


def as_markdown(told: Sequence[Answer]) -> str:
    """A Markdown table for every question, under its heading."""
    parts = []
    for answer in told:
        table = _texts(answer)
        lines = [list(table.columns), ["---"] * table.shape[1], *table.to_numpy().tolist()]
        escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
        rows = "\n".join(f"| {' | '.join(line)} |" for line in escaped)
        parts.append(f"**{answer.heading}**\n\n{rows}")
    return "\n\n".join(parts)


def as_latex(told: Sequence[Answer]) -> str:
    """A LaTeX table for every question, with its heading as a comment."""
    return "\n".join(
        f"% {answer.heading}\n{_texts(answer).to_latex(index=False, escape=True)}"
        for answer in told
    ).rstrip()


def _texts(answer: Answer) -> pd.DataFrame:
    columns = names_of(answer.rows) | SHOWN
    return pd.DataFrame(
        {title: text(row) for title, text in columns.items()} for row in answer.rows
    )


def _frame(answer: Answer) -> pd.DataFrame:
    names = names_of(answer.rows)
    return pd.DataFrame(
        {QUESTION: answer.heading, **_named(row), **{t: text(row) for t, text in names.items()},
         **_numbers(row)}
        for row in answer.rows
    )  # fmt: skip


def _named(row: Row) -> dict[str, str]:
    names = ("dataset", "protocol", "batch_size", "model", "system")
    return {name: row[name] for name in names} | {"i x j x k": row["degrees"]}


def _numbers(row: Row) -> Row:
    numbers = {name: row[name] for name in ("metric", "mean", "behind", "ahead")}
    for name in INTERVALS:
        low, high = row[name] or (None, None)
        numbers |= {f"{name}_low": low, f"{name}_high": high}
    return numbers | {name: ranges(row[name]) for name in ("seeds", "paired")}


FORMATS = {"text": as_text, "csv": as_csv, "markdown": as_markdown, "latex": as_latex}


def main(arguments: list[str]) -> int:
    """Print the table; what is left out, and why, goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.table", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="holds run folders")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    options = parser.parse_args(arguments)
    try:
        found = comparison_of(options.folders)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for problem in found.left_out:
        print(f"left out: {problem}", file=sys.stderr)
    print(FORMATS[options.format](found.answers))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
