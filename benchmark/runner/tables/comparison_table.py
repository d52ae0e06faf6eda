"""The table of what a suite says over seeds."""

from collections.abc import Sequence

from benchmark.records.statistics import CONFIDENCE, Interval
from benchmark.runner.tables.end_table import NAMES, SETTINGS, Column, Row, render
from benchmark.runner.tables.settings import telling

SHOWN: dict[str, Column] = {
    "system": lambda row: row["system"],
    "i x j x k": lambda row: row["degrees"],
    "seeds": lambda row: str(row["seeds"]),
    "metric": lambda row: row["metric"].replace("_", " "),
    "mean": lambda row: _measured(row["mean"], row["interval"]) + (" *" if row["ahead"] else ""),
    "behind the best": lambda row: _measured(row["behind"], row["behind_interval"]),
}


def print_comparison(rows: Sequence[Row]) -> None:
    """Print ``benchmark.runner.tables.comparison.compare``; nothing without rows."""
    if not rows:
        return
    columns = {
        title: text for title, text in SETTINGS.items() if len({text(row) for row in rows}) > 1
    }
    print(f"Over seeds: mean [{CONFIDENCE:.0%} interval], differences paired by seed")
    print(render(rows, columns | telling(rows, (*NAMES, "degrees")) | SHOWN))
    if any(row["seeds"] < 2 for row in rows):
        print("One seed gives no interval, and nothing is significant.")
    if any(row["ahead"] for row in rows):
        print("* above every other configuration: the interval of each difference excludes 0")
    print()


def _measured(mean: float | None, interval: Interval | None) -> str:
    if mean is None:
        return ""
    return f"{mean:.4f}" + (f" [{interval.low:.4f}, {interval.high:.4f}]" if interval else "")
