"""What runs say over seeds: means, and differences to the best configuration."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.records.reader import Unreadable, read_records
from benchmark.records.run_folder import RunFolder
from benchmark.records.statistics import (
    CONFIDENCE,
    Estimate,
    Interval,
    is_above,
    mean_interval,
    paired_differences,
)
from benchmark.records.tables import written
from benchmark.runner.tables.columns import (
    NAMES,
    SETTINGS,
    WIDTH,
    Column,
    Row,
    mixed_visibility,
    render,
    telling,
)
from benchmark.runner.tables.questions import Asked, Finished, own_settings, questions


def ranges(numbers: Sequence[int]) -> str:
    """ "0-2, 5" of ascending numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _behind(row: Row) -> str:
    text = _measured(row["behind"], row["behind_interval"])
    alone = text and row["paired"] != row["seeds"]
    return f"{text} (seed {ranges(row['paired'])})" if alone else text


def _measured(mean: float | None, interval: Interval | None) -> str:
    return "" if mean is None else written(Estimate(mean, *(interval or ())), ".4f")


SHOWN: dict[str, Column] = {
    "model": lambda row: row["model"],
    "system": lambda row: row["system"],
    "i x j x k": lambda row: row["degrees"],
    "seeds": lambda row: ranges(row["seeds"]),
    "mean": lambda row: _measured(row["mean"], row["interval"]) + (" *" if row["ahead"] else ""),
    "behind the best": _behind,
}
WHEN: dict[str, Column] = {"recorded": lambda row: "before" if row["before"] else "now"}
SIGHT: dict[str, Column] = {"visibility": lambda row: str(row["visibility"])}


class Answer(NamedTuple):
    """One question and a row for every configuration that answers it, the best first.

    ``mean`` and ``interval`` of a row are those of ``metric`` over ``seeds``. ``behind`` is how far
    the mean lies behind that of the best, with ``behind_interval``, both over the ``paired`` seeds
    that the two share; None for the best. ``ahead`` says that it is the best and significantly
    above every other one.
    """

    heading: str
    rows: list[Row]


def compare(folders: Sequence[RunFolder], recorded: Sequence[RunFolder] = ()) -> list[Answer]:
    """What ``answers`` says of ``folders``, beside the ``recorded`` runs of the same questions.

    Nothing where there is one seed of each, and nothing to compare them with.
    """
    told = [
        answer
        for answer in answers([*folders, *recorded], {folder.path.resolve() for folder in folders})
        if not all(row["before"] for row in answer.rows)
    ]
    rows = [row for answer in told for row in answer.rows]
    return told if any(len(row["seeds"]) > 1 or row["before"] for row in rows) else []


def answers(folders: Iterable[RunFolder], own: set[Path] | None = None) -> list[Answer]:
    """What finished runs say; configurations that none of ``own`` belongs to are ``before``."""
    return [Answer(asked.heading, _rows(asked, own)) for asked in questions(folders)]


def recorded_runs(folder: Path) -> tuple[list[RunFolder], list[Unreadable]]:
    """The finished runs below ``folder``, and what there is beside them and why it is no run."""
    records = read_records(folder)
    return [RunFolder(path) for path in records.runs.index], records.unreadable


def as_text(told: Sequence[Answer]) -> str:
    """A table for every question, what its rows have in common above it."""
    parts = []
    for answer in told:
        when = {row["before"] for row in answer.rows}
        columns = names_of(answer.rows) | SHOWN | (WHEN if len(when) > 1 else {})
        head = f"{answer.heading}, mean [{CONFIDENCE:.0%} interval] over seeds"
        parts.append(textwrap.fill(head, WIDTH))
        parts += [render(answer.rows, columns), *mixed_visibility(answer.rows), ""]
    rows = [row for answer in told for row in answer.rows]
    if any(len(row["seeds"]) < 2 for row in rows):
        parts.append("One seed gives no interval, and nothing is significant.")
    if any(row["ahead"] for row in rows):
        parts.append("* above every other configuration: each difference's interval excludes 0")
    return "\n".join(parts).rstrip()


def print_comparison(told: Sequence[Answer]) -> None:
    """Print ``compare``; nothing without answers."""
    if told:
        print(f"{as_text(told)}\n")


def names_of(rows: Sequence[Row]) -> dict[str, Column]:
    """A column for every setting that differs between the rows, but those always shown."""
    columns = {
        title: text
        for title, text in (SETTINGS | SIGHT).items()
        if title not in SHOWN and len({text(row) for row in rows}) > 1
    }
    return columns | telling(rows, (*NAMES, "visibility", "degrees"))


def _rows(asked: Asked, own: set[Path] | None) -> list[Row]:
    """The rows of one question."""
    samples = [(_by_seed(runs), runs) for runs in asked.configurations]
    samples.sort(key=lambda sample: -float(np.mean(list(sample[0].values()))))
    best, others = samples[0][0], [values for values, _ in samples[1:]]
    rows = []
    for values, runs in samples:
        behind = [] if values is best else paired_differences(best, values)
        first = runs[0].result
        rows.append(
            {name: first[name] for name in (*NAMES, "visibility")}
            | {
                "degrees": runs[0].degrees,
                "metric": runs[0].metric,
                "settings": own_settings(runs[0]),
                "seeds": sorted(values),
                "mean": float(np.mean(list(values.values()))),
                "interval": mean_interval(list(values.values())),
                "paired": [] if values is best else sorted(best.keys() & values.keys()),
                "behind": float(np.mean(behind)) if behind else None,
                "behind_interval": mean_interval(behind),
                "ahead": values is best and _is_ahead(best, others),
                "before": own is not None and own.isdisjoint(_paths(runs)),
            }
        )
    return rows


def _by_seed(runs: Sequence[Finished]) -> dict[int, float]:
    """The metric by seed; of equal runs the first."""
    values: dict[int, float] = {}
    for run in runs:
        values.setdefault(run.result["seed"], run.result["metrics"][run.metric])
    return values


def _paths(runs: Sequence[Finished]) -> set[Path]:
    return {run.folder.path.resolve() for run in runs}


def _is_ahead(best: Mapping[int, float], others: Sequence[Mapping[int, float]]) -> bool:
    return bool(others) and all(is_above(best, other) for other in others)
