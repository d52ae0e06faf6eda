"""Table 1: what mini-batch, epoch and memory parallelism cost, and what was measured behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import Estimate, median_estimate
from paper_figures import tables
from paper_figures.figure import Group, Measured, Output, PaperFigure, Rule, measured, published
from paper_figures.selection import has
from paper_figures.tables import Row, cell, columns, rows_of
from paper_figures.throughput import NEEDS

STRATEGIES = {SINGLE: SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
CAPTURED, SYNCHRONISATION = "captured dependency", "synchronisation"
OVERHEAD, MEMORY = "training overhead (mini-batch generation)", "main memory"
UNITS = {  # what is measured behind a line of Table 1
    CAPTURED: "captured events, %", OVERHEAD: "wait for a batch, ms",
    MEMORY: "all processes, GiB", SYNCHRONISATION: "node memory, ms a batch",
    "gradient variance": "no record",
}  # fmt: skip


def _counts(runs: Runs) -> "pd.Series[bool]":
    return runs["task"] == "captured_events"


def strategies(group: Group) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, in each line of Table 1.

    Two trainers of mini-batch parallelism share a batch of twice the events; the batches of the
    other two stay those of one trainer, and so do the events captured.
    """
    counted, timed = (group.runs[mask] for mask in (_counts(group.runs), ~_counts(group.runs)))
    sizes = {size: run for run, size in counted["batch_size"].items()}
    size = int(timed["batch_size"].iloc[0]) if len(timed) else 600
    rows: list[Row] = []
    if {size, 2 * size} <= sizes.keys():
        one, two = (
            pd.read_csv(Path(str(sizes[n])) / "bars.csv")["captured_events"].sum()
            for n in (size, 2 * size)
        )
        shares = dict.fromkeys(STRATEGIES, 100.0) | {"mini-batch": 100 * two / one}
        rows = [_quantity(CAPTURED, name, [share], counted) for name, share in shares.items()]
    batches = timed["throughput_events_per_second"] * timed["seconds.train"] / size
    batches = batches / timed["num_trainers"]
    parts = 1000 * timed.filter(like="seconds_by_part.").div(batches, axis=0)
    parts.columns = parts.columns.str.removeprefix("seconds_by_part.")
    quantities = {
        OVERHEAD: parts["prepare"], MEMORY: timed["peak_memory_bytes"] / 2**30,
        SYNCHRONISATION: parts["memory_read"] + parts["memory_write"],
    }  # fmt: skip
    runs = group.by_parallelism(timed)
    rows += [
        _quantity(quantity, name, values[runs[layout].index], runs[layout])
        for quantity, values in quantities.items()
        for name, layout in STRATEGIES.items()
        if layout in runs
    ]
    stated = published("table_1").rename(columns={"against_single_gpu": "stated"})
    return pd.concat([stated, pd.DataFrame(rows)], ignore_index=True)


def _quantity(quantity: str, strategy: str, values: Any, runs: Runs) -> Row:
    return {
        "quantity": quantity, "strategy": strategy, "unit": UNITS[quantity], "origin": "measured",
        **columns("value", median_estimate(values)),
        "num_runs": len(values), "source": words.commands(runs),
    }  # fmt: skip


def _value(row: Row) -> str:
    return cell(row, "value", ".0f" if row["quantity"] == CAPTURED else ".2f")


def draw(group: Group) -> Iterator[Output]:
    """Two lines for each quantity: what the paper states, and what was measured."""
    table, lines = strategies(group), []
    for quantity, unit in UNITS.items():
        for origin, by in (("published", "DistTGL"), ("measured", unit)):
            part = table[(table["quantity"] == quantity) & (table["origin"] == origin)]
            line = dict.fromkeys(STRATEGIES, "not measured") | {SINGLE: ""}
            for row in rows_of(part):
                stated = row["stated"] if origin == "published" else ""
                line[row["strategy"]] = stated or _value(row)
            lines.append({"quantity": quantity, "by": by, "origin": origin, **line})
    spec: Row = {"against one trainer": "quantity", "by": "by", "one trainer": SINGLE}
    spec |= {name: name for name in STRATEGIES if name != SINGLE}
    timed = group.runs[~_counts(group.runs)]
    about = {"conditions": words.conditions(timed if len(timed) else group.runs)}
    yield Output(table, shown=tables.shown(pd.DataFrame(lines), spec), facts=about)


def measure(group: Group) -> Iterator[Measured]:
    """Which strategy loses captured events, and which keeps node memory out of synchronisation."""
    table = strategies(group)
    rows = rows_of(table[table["origin"] == "measured"])
    known = {(row["quantity"], row["strategy"]): row for row in rows}
    pairs = ((CAPTURED, "mini-batch", SINGLE), (SYNCHRONISATION, "memory", "mini-batch"))
    for quantity, less, more in pairs:
        if {(quantity, less), (quantity, more)} <= known.keys():
            low, high = known[quantity, less], known[quantity, more]
            ends = (("value", "value"), ("value_low", "value_high"), ("value_high", "value_low"))
            apart = Estimate(*(high[ours] - low[theirs] for ours, theirs in ends))
            cells = ", ".join(f"{row['strategy']} {_value(row)}" for row in (low, high))
            text, used = f"{UNITS[quantity]}: {cells}", low["source"]
            yield measured(group, quantity, apart, text, used, number=low["num_runs"])


def _or_counts(need: Any) -> Any:
    return lambda runs: _counts(runs) | need(runs)


FIGURES = [
    PaperFigure("strategies", Rule(
            ("captured_events", "scaling"), ("captured_events", "link_prediction"),
            varies=None, together=True,
            needs={
                "another data set": lambda runs: runs["dataset"] == "wikipedia",
                "another system": _or_counts(lambda runs: runs["system"] == "disttgl"),
                "another layout": lambda runs: runs["parallelism"].isin(STRATEGIES.values()),
                "no seconds by part": _or_counts(has("seconds_by_part.prepare")),
                **{reason: _or_counts(need) for reason, need in NEEDS.items()},
            },
        ), draw, measure),
]  # fmt: skip
