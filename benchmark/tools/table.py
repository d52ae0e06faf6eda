"""Every recorded run under equal settings side by side, as text, csv, Markdown or LaTeX."""

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
