"""The table at the end: one row per experiment, the same whether it ran now or before."""

from collections.abc import Sequence
from functools import partial

from benchmark.parallelism import Parallelism
from benchmark.runner.tables.columns import (
    NAMES,
    SETTINGS,
    Column,
    Row,
    mixed_visibility,
    number,
    render,
    telling,
)


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
