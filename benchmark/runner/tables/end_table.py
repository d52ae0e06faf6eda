"""The table at the end: one row per experiment, the same whether it ran now or before."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.parallelism import Parallelism
from benchmark.records.statistics import FRACTION
from benchmark.runner.tables.settings import telling
from benchmark.runner.tables.speedup import SINGLE

Row = dict[str, Any]  # the fields of a result.json; ``status`` may also be a state without result
Column = Callable[[Row], str]

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
    visibilities = {row["visibility"] for row in rows if row.get("visibility")}
    if len(visibilities) > 1:
        print(
            "Note: the rows mix what a query may see of its own batch "
            f"({', '.join(sorted(visibilities))}); their accuracies do not compare directly."
        )


def print_speedups(rows: Sequence[Row]) -> None:
    """Print ``tables.speedup.speedups``; nothing where 1x1x1 has only itself to compare with."""
    if all(row["degrees"] == SINGLE for row in rows):
        return
    columns: dict[str, Column] = {
        "system": lambda row: row["system"],
        **telling(rows, ("system", "processes", "degrees")),
        "seeds": lambda row: str(row["seeds"]),
        "i x j x k": lambda row: row["degrees"],
        "target": lambda row: number(row["target"], ".4f"),
        "iterations": lambda row: number(row["iterations"], ",.0f") or "not reached",
        "speed-up": lambda row: number(row["speedup_iterations"], ".2f"),
        "train s": lambda row: number(row["seconds"], ".1f"),
        "speed-up in time": lambda row: number(row["speedup_seconds"], ".2f"),
        "speed-up in events/s": lambda row: number(row["speedup_throughput"], ".2f"),
    }
    print(f"Against 1x1x1: to {FRACTION:.0%} of its best validation metric")
    print(render(rows, {name: text for name, text in columns.items() if any(map(text, rows))}))
    print()


def render(rows: Sequence[Row], columns: dict[str, Column]) -> str:
    """The table as wide as it needs to be: a narrow terminal wraps it but loses nothing."""
    table = Table(box=SIMPLE)
    for title in columns:
        left = title in LEFT_ALIGNED
        width = STATUS_WIDTH if title == "status" else None
        table.add_column(title, justify="left" if left else "right", max_width=width)
    for row in rows:
        table.add_row(*(escape(text(row)) for text in columns.values()))
    console = Console(width=AMPLE, highlight=False)
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(line for line in lines if line)


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


def number(value: float | None, form: str, unit: float = 1) -> str:
    return "" if value is None else format(value / unit, form)
