"""The columns of a table: the settings that tell its rows apart, and how all is laid out."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from benchmark.experiment import Experiment
from benchmark.records.identity import identifying
from benchmark.records.reader import leaves

# The fields of a result.json and, under "settings", what ``flat`` gives; ``status`` may also be a
# state without result.
Row = dict[str, Any]
Column = Callable[[Row], str]

OTHERWISE_SAID = ("choices.", "content.", "parallelism.")  # by names, or where rows are alike
LEFT_ALIGNED = ("dataset", "protocol", "system", "model", "status")
STATUS_WIDTH = 80
AMPLE = 1000  # characters
SETTINGS: dict[str, Column] = {  # what tells configurations apart, beside system and i x j x k
    "dataset": lambda row: row["dataset"],
    "protocol": lambda row: row["protocol"],
    "model": lambda row: row["model"],
    "processes": lambda row: str(row["processes"]),
    "epochs": lambda row: str(row["epochs"]),
    "batch size": lambda row: str(row["batch_size"]),
}
NAMES = ("dataset", "protocol", "system", "model", "processes", "epochs", "batch_size")
NAMED = ("seed", "processes", "epochs", "batch_size")


def flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Every setting by its dotted name."""
    return dict(leaves(settings))


def settings_of(experiment: Experiment) -> dict[str, Any]:
    """The settings that identify an experiment, by dotted name."""
    return flat(identifying(experiment.config()))


def telling(rows: Sequence[Row], names: Iterable[str]) -> dict[str, Column]:
    """A column for each setting, beside ``names``, without which rows would be taken for alike.

    It is one that all rows have, with several values, or one that differs between rows of the same
    ``names``.
    """
    alike: dict[str, list[Row]] = {}
    for row in rows:
        alike.setdefault(json.dumps([row[name] for name in names]), []).append(row["settings"])
    every = [row["settings"] for row in rows]
    common = set.intersection(*map(set, every)) if every else set()
    found = {name for name in _differing(every) & common if not _otherwise_said(name)}
    for group in alike.values():
        found |= _differing(group) - set(NAMED)
    shown = [name for name in sorted(found) if not name.startswith("choices.")]
    return {name: _column(name) for name in shown}


def render(rows: Sequence[Row], columns: dict[str, Column]) -> str:
    """The table as wide as it needs to be: a narrow terminal wraps it but loses nothing."""
    table = Table(box=SIMPLE)
    for title in columns:
        left = title in LEFT_ALIGNED
        width = STATUS_WIDTH if title == "status" else None
        justify: JustifyMethod = "left" if left else "right"
        table.add_column(title, justify=justify, max_width=width, overflow="fold")
    for row in rows:
        table.add_row(*(escape(text(row)) for text in columns.values()))
    console = Console(width=AMPLE, highlight=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(line for line in lines if line)


def _differing(settings: Collection[Row]) -> set[str]:
    """The names of which the values, or their absence, are not everywhere the same."""
    names = {name for one in settings for name in one}
    return {name for name in names if len({repr(one.get(name, ...)) for one in settings}) > 1}


def _otherwise_said(name: str) -> bool:
    said = name.startswith(OTHERWISE_SAID) or name in NAMED
    return said or name.endswith((".name", "._target_"))


def _column(name: str) -> Column:
    def text(row: Row) -> str:
        return _plain(row["settings"].get(name, ""))

    return text


def _plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return ",".join(map(_plain, value)) if isinstance(value, tuple) else str(value)


def number(value: float | None, form: str, unit: float = 1) -> str:
    return "" if value is None else format(value / unit, form)
