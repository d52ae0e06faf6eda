"""The tables of suite ``peers``: speeds beside each other, and the floor of the operation count."""

from collections.abc import Sequence
from functools import partial

from benchmark.runner.tables.end_table import Column, Row, number, render
from benchmark.runner.tables.peers import BASELINE, Spread


def print_peers(rows: Sequence[Row], machines: Sequence[str]) -> None:
    """Print ``tables.peers.peer_speeds`` and what it was measured on; nothing without rows."""
    if not rows:
        return
    print("Beside each other: median [smallest, largest] over the repeats, ratios by repeat")
    print(render(rows, _case() | _speeds()))
    print()
    counted = [row for row in rows if row["batch"]]
    if counted:
        print("Floor: the operations of a mean training batch at the measured rate of its products")
        print(render(counted, _case() | _floors()))
        print()
    for machine in machines:
        print(f"Measured on {machine}")


def _case() -> dict[str, Column]:
    return {
        "dataset": lambda row: row["dataset"],
        "edge features": lambda row: _edge_features(row["random_edge_features"]),
        "batch size": lambda row: str(row["batch_size"]),
        "system": lambda row: row["system"],
        "i x j x k": lambda row: row["degrees"],
    }


def _speeds() -> dict[str, Column]:
    return {
        "repeats": lambda row: str(row["repeats"]),
        "events/s": lambda row: _spread(row["events_per_second"], ",.0f"),
        "events/CPU s": lambda row: _spread(row["events_per_cpu_second"], ",.0f"),
        f"by {BASELINE}": lambda row: _spread(row["times_baseline"], ".2f"),
        f"by {BASELINE}, CPU": lambda row: _spread(row["times_baseline_cpu"], ".2f"),
        "validation s": lambda row: _spread(row["evaluate_seconds"], ".1f"),
        "validation CPU s": lambda row: _spread(row["evaluate_cpu_seconds"], ".1f"),
    }


def _floors() -> dict[str, Column]:
    counts = ("nodes", "root_nodes", "roots", "edges")
    return {name.replace("_", " "): partial(_count, name) for name in counts} | {
        "GFLOP": lambda row: number(row["batch"]["gflop_per_batch"], ".2f"),
        "GFLOP/s": lambda row: _spread(row["gflop_per_second"], ".1f"),
        "floor events/s": lambda row: _spread(row["floor"], ",.0f"),
        "of floor": lambda row: _spread(row["share_of_floor"], ".2f"),
    }


def _count(name: str, row: Row) -> str:
    return number(row["batch"][name], ",.0f")


def _edge_features(random: int) -> str:
    return f"{random} random" if random else "its own"


def _spread(spread: Spread | None, form: str) -> str:
    if spread is None:
        return ""
    return f"{spread.median:{form}} [{spread.least:{form}}, {spread.most:{form}}]"
