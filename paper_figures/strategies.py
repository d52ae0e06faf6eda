"""Table 1: what mini-batch, epoch and memory parallelism cost, and what was measured behind it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs
from benchmark.records.statistics import Estimate, median_estimate
from paper_figures import tables
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.published import published
from paper_figures.selection import Group, Rule, has
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
    counted = group.runs[_counts(group.runs)].set_index("batch_size", drop=False, append=True)
    timed = group.runs[~_counts(group.runs)]
    sizes = {size: run for (run, size) in counted.index}
    size = int(timed["batch_size"].iloc[0]) if len(timed) else 600
    rows: list[Row] = []
    if {size, 2 * size} <= sizes.keys():
        one, two = (Path(sizes[n]) / "bars.csv" for n in (size, 2 * size))
        totals = [pd.read_csv(path)["captured_events"].sum() for path in (one, two)]
        shares = dict.fromkeys(STRATEGIES, 100.0) | {"mini-batch": 100 * totals[1] / totals[0]}
        rows = [_quantity(CAPTURED, name, [share], counted) for name, share in shares.items()]
    batches = timed["throughput_events_per_second"] * timed["seconds.train"] / size
    parts = 1000 * timed.filter(like="seconds_by_part.").div(
        batches / timed["num_trainers"], axis=0
    )
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
    return pd.concat([stated.assign(origin="published"), pd.DataFrame(rows)], ignore_index=True)


def _quantity(quantity: str, strategy: str, values: Any, runs: Runs) -> Row:
    row = {
        "quantity": quantity,
        "strategy": strategy,
        "unit": UNITS[quantity],
        "origin": "measured",
    }
    estimate = columns("value", median_estimate(values))
    return row | estimate | {"num_runs": len(values), "source": words.commands(runs)}


def _form(quantity: str) -> str:
    return ".0f" if quantity == CAPTURED else ".2f"


def draw_strategies(group: Group) -> Iterator[Output]:
    """Two lines for each quantity: what the paper states, and what was measured."""
    table = strategies(group)
    lines = []
    for quantity, unit in UNITS.items():
        for origin, by in (("published", "DistTGL"), ("measured", unit)):
            part = table[(table["quantity"] == quantity) & (table["origin"] == origin)]
            line = dict.fromkeys(STRATEGIES, "not measured") | {SINGLE: ""}
            for row in rows_of(part):
                stated = row["stated"] if origin == "published" else ""
                line[row["strategy"]] = stated or cell(row, "value", _form(quantity))
            lines.append({"quantity": quantity, "by": by, "origin": origin, **line})
    spec: Row = {"against one trainer": "quantity", "by": "by", "one trainer": SINGLE}
    spec |= {name: name for name in STRATEGIES if name != SINGLE}
    timed = group.runs[~_counts(group.runs)]
    caption = (
        f"{words.conditions(timed if len(timed) else group.runs)} Two trainers of each kind; by"
        f" epoch or memory they have one's batches, and so its captured events.{tables.COSTS}"
    )
    yield Output("strategies", table, caption, shown=tables.shown(pd.DataFrame(lines), spec))


def measure_strategies(group: Group) -> Iterator[Measured]:
    """Which strategy loses captured events, and which keeps node memory out of synchronisation."""
    known = {(row["quantity"], row["strategy"]): row for row in rows_of(strategies(group))
             if row["origin"] == "measured"}  # fmt: skip
    pairs = ((CAPTURED, "mini-batch", SINGLE), (SYNCHRONISATION, "memory", "mini-batch"))
    for quantity, less, more in pairs:
        if {(quantity, less), (quantity, more)} <= known.keys():
            low, high = known[quantity, less], known[quantity, more]
            apart = Estimate(high["value"] - low["value"], high["value_low"] - low["value_high"],
                             high["value_high"] - low["value_low"])  # fmt: skip
            cells = [
                f"{row['strategy']} {cell(row, 'value', _form(quantity))}" for row in (low, high)
            ]
            where = f"{group.dataset}, two trainers, seeds: {low['num_runs']}"
            text = f"{UNITS[quantity]}: {', '.join(cells)}"
            yield measured(group, quantity, apart, text, where, low["source"])


def _or_counts(need: Any) -> Any:
    return lambda runs: _counts(runs) | need(runs)


FIGURES = [
    PaperFigure(
        "strategies",
        Rule(
            ("captured_events", "scaling"), ("captured_events", "link_prediction"),
            varies=None, together=True,
            needs={
                "another data set": lambda runs: runs["dataset"] == "wikipedia",
                "another system": _or_counts(lambda runs: runs["system"] == "disttgl"),
                "another layout": lambda runs: runs["parallelism"].isin(STRATEGIES.values()),
                "no seconds by part": _or_counts(has("seconds_by_part.prepare")),
                **{reason: _or_counts(need) for reason, need in NEEDS.items()},
            },
        ),
        draw_strategies, measure_strategies,
    ),
]  # fmt: skip
