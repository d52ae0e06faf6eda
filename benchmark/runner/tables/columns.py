"""Rows and columns of the tables of runs; the table at the end of a suite, a row per experiment."""

import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Literal

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.experiment import Experiment
from benchmark.parallelism import Parallelism
from benchmark.records.identity import GROUPS, identifying
from benchmark.records.reader import leaves

# The fields of a result.json and, under "settings", what ``flat`` gives; ``status`` may also be a
# state without result.
Row = dict[str, Any]
Column = Callable[[Row], str]

OTHERWISE_SAID = ("choices.", "content.", "parallelism.")  # by names, or where rows are alike
LEFT_ALIGNED = ("dataset", "protocol", "system", "model", "status")
LAST_NAMES = ("system", "model", "i x j x k")  # after these a table measures
WIDTH, AMPLE = 120, 1000  # characters
NAMES_SHARE = 0.75  # of the width that may be repeated
BETWEEN = 2  # characters between columns
LONGEST_VALUE = 60  # what is longer may be cut into lines
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


def telling(rows: Sequence[Row], names: Collection[str]) -> dict[str, Column]:
    """A column for each setting, beside ``names``, without which rows would be taken for alike.

    It is one that all rows have, with several values that the name of a system or network does not
    say, or one that differs between rows of the same ``names``.
    """
    every = [row["settings"] for row in rows]
    common = set.intersection(*map(set, every)) if every else set()
    several = {name for name in differing(every) & common if not _otherwise_said(name)}
    found = {name for name in several if name.partition(".")[0] not in GROUPS}
    for group in GROUPS:
        for part in _alike(rows, [group]):
            found |= {name for name in several & differing(part) if name.startswith(f"{group}.")}
    for part in _alike(rows, names):
        found |= differing(part) - set(NAMED)
    shown = [name for name in sorted(found - set(names)) if not name.startswith("choices.")]
    return {name: _column(name) for name in shown}


def differing(settings: Collection[Row]) -> set[str]:
    """The names of which the values, or their absence, are not everywhere the same."""
    names = {name for one in settings for name in one}
    return {name for name in names if len({repr(one.get(name, ...)) for one in settings}) > 1}


def mixed_visibility(rows: Sequence[Row]) -> list[str]:
    """A line that says so where rows differ in what a query may see of its own batch."""
    visibilities = sorted({row["visibility"] for row in rows if row.get("visibility")})
    if len(visibilities) < 2:
        return []
    return [
        f"Note: the rows mix what a query may see of its own batch ({', '.join(visibilities)}); "
        "their accuracies do not compare directly."
    ]


def render(rows: Sequence[Row], columns: dict[str, Column]) -> str:
    """The table, at most ``WIDTH`` wide.

    Columns that do not fit go below, beside those up to the last of ``LAST_NAMES`` once more, or
    beside the number of the row where these fill the page themselves.
    """
    cells = {title: [text(row) for row in rows] for title, text in columns.items()}
    titles = list(columns)
    end = max((titles.index(name) + 1 for name in LAST_NAMES if name in titles), default=0)
    least = {title: _least_width(title, texts) for title, texts in cells.items()}
    names = titles[:end]
    if _total([least[name] for name in names]) > WIDTH * NAMES_SHARE:
        names, titles, end = ["row"], ["row", *titles], 1
        cells["row"] = [str(number) for number in range(1, len(rows) + 1)]
        least["row"] = _least_width("row", cells["row"])
    blocks = [list(names)]
    for title in titles[end:]:
        if blocks[-1] != names and _total([least[one] for one in [*blocks[-1], title]]) > WIDTH:
            blocks.append(list(names))
        blocks[-1].append(title)
    return "\n\n".join(
        _laid_out({title: cells[title] for title in block}, least) for block in blocks
    )


def _laid_out(cells: dict[str, list[str]], least: dict[str, int]) -> str:
    widths = {title: max(map(len, [title, *texts])) for title, texts in cells.items()}
    while _total(widths.values()) > WIDTH:
        title = max(widths, key=lambda one: widths[one] - least[one])
        if widths[title] <= least[title]:
            break
        widths[title] -= 1
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for title, width in widths.items():
        justify: Literal["left", "right"] = "left" if title in LEFT_ALIGNED else "right"
        table.add_column(title, justify=justify, width=width, overflow="fold")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(escape, row))
    console = Console(width=AMPLE, highlight=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(line for line in lines if line)


def _total(widths: Collection[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) + 1)


def _least_width(title: str, texts: Sequence[str]) -> int:
    """A heading may be cut into its words, a value only where it is long."""
    words = [title] if title in LAST_NAMES else title.split()
    return max(*map(len, words), *(min(LONGEST_VALUE, len(text)) for text in texts))


def _alike(rows: Sequence[Row], names: Collection[str]) -> list[list[Row]]:
    """The settings of the rows that agree in ``names``, together."""
    alike: dict[str, list[Row]] = {}
    for row in rows:
        alike.setdefault(json.dumps([row.get(n) for n in names]), []).append(row["settings"])
    return list(alike.values())


def _otherwise_said(name: str) -> bool:
    said = name.startswith(OTHERWISE_SAID) or name in NAMED
    return said or name.endswith((".name", "._target_"))


def _column(name: str) -> Column:
    def text(row: Row) -> str:
        return plain(row["settings"].get(name, ""))

    return text


def plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return ",".join(map(plain, value)) if isinstance(value, tuple) else str(value)


def number(value: float | None, form: str, unit: float = 1) -> str:
    return "" if value is None else format(value / unit, form)


def print_table(rows: Sequence[Row]) -> None:
    """Print the experiments on standard output, and a warning if they are not comparable.

    A setting that all of them share stands above the table; ``settings`` of a row holds the others,
    each of which is a column if rows differ in it.
    """
    settings, columns = SETTINGS | {"seed": lambda row: str(row["seed"])}, _columns(rows)
    shared = {
        title: text for title, text in settings.items() if len({text(row) for row in rows}) == 1
    }
    differing = {title: text for title, text in settings.items() if title not in shared}
    columns = differing | telling(rows, (*NAMES, "parallelism", "seed")) | columns
    print()
    print("  " + ", ".join(f"{title} {text(rows[0])}" for title, text in shared.items()))
    print(render(rows, columns))
    print()
    for note in mixed_visibility(rows):
        print(note)


def _columns(rows: Sequence[Row]) -> dict[str, Column]:
    """What is shown of every row; a column without any value is left out."""
    columns: dict[str, Column] = {
        "system": lambda row: row["system"],
        "i x j x k": lambda row: str(Parallelism(**row["parallelism"])),
    }
    for name in _metrics(rows):
        columns[name.removesuffix("_best").replace("_", " ")] = partial(_metric, name)
    columns |= {
        "events/s": lambda row: number(row.get("throughput_events_per_second"), ",.0f"),
        "pretrain s": lambda row: _seconds(row, "pretrain"),
        "train s": lambda row: _seconds(row, "train"),
        "evaluate s": lambda row: _seconds(row, "evaluate"),
        "total s": lambda row: _seconds(row, "total"),
        "peak GiB": lambda row: number(row.get("peak_memory_bytes"), ".2f", 2**30),
        "status": lambda row: row["status"] + (f": {row['reason']}" if row.get("reason") else ""),
    }
    return {title: text for title, text in columns.items() if any(text(row) for row in rows)}


def _metrics(rows: Sequence[Row]) -> list[str]:
    """The metric that chose the best round and its test value; all metrics where none did."""
    primary = dict.fromkeys(row["primary_metric"] for row in rows if row.get("primary_metric"))
    best = [name for one in primary for name in (f"validation_{one}_best", f"test_{one}")]
    found = dict.fromkeys(name for row in rows for name in row.get("metrics", {}))
    return [name for name in best if name in found] or list(found)


def _metric(name: str, row: Row) -> str:
    value = row.get("metrics", {}).get(name)
    return f"{value:,}" if isinstance(value, int) else number(value, ".4f")


def _seconds(row: Row, part: str) -> str:
    return number(row.get("seconds", {}).get(part), ".1f")
