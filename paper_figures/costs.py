"""Sampling (TGL Table 4), trainers of TGL (TGL Figure 7) and strategies of DistTGL (Table 1)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs, column
from benchmark.records.statistics import Estimate, mean_estimate, median_estimate
from paper_figures import tables
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure, measured
from paper_figures.published import published
from paper_figures.selection import Group, Rule, has
from paper_figures.tables import Row, cell, columns, rows_of
from paper_figures.throughput import NEEDS, PER_GPU

LAYOUTS = {  # num_layers, strategy, num_snapshots, num_neighbors, batch_size with which TGL samples
    (1, "recent", 1, 10, 600): "TGN", (2, "uniform", 1, 10, 600): "TGAT",
    (2, "uniform", 3, 10, 600): "DySAT",
}  # fmt: skip
DESCRIBED = {"TGN": "TGN: 1 layer, most recent", "TGAT": "TGAT: 2 layers, uniform",
             "DySAT": "DySAT: as TGAT, in 3 snapshots"}  # fmt: skip
STRATEGIES = {SINGLE: SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
CAPTURED, SYNCHRONISATION = "captured dependency", "synchronisation"
OVERHEAD, MEMORY = "training overhead (mini-batch generation)", "main memory"
UNITS = {  # what is measured behind a line of Table 1
    CAPTURED: "captured events, %", OVERHEAD: "wait for a batch, ms",
    MEMORY: "all processes, GiB", SYNCHRONISATION: "node memory, ms a batch",
    "gradient variance": "no record",
}  # fmt: skip


def _sampled(runs: Runs) -> "pd.Series[Any]":
    names = ("num_layers", "strategy", "num_snapshots", "num_neighbors")
    parts = [column(runs, f"settings.task.{name}") for name in names]
    keys = zip(*parts, column(runs, "batch_size"), strict=True)
    return pd.Series([LAYOUTS.get(key) for key in keys], runs.index, dtype=object)


def sampling(group: Group) -> pd.DataFrame:
    """Seconds of an epoch and speed-ups over one thread by seed, by layout and threads."""
    runs = group.runs.assign(layout=_sampled(group.runs), threads=group.runs["settings.threads"])
    rows: list[Row] = []
    for (layout, threads), part in runs.groupby(["layout", "threads"]):
        single = runs[(runs["layout"] == layout) & (runs["threads"] == 1)]
        alone, own = (one.groupby("seed")["seconds.sample"].first() for one in (single, part))
        rows.append({
            "origin": "measured", "layout": layout, "by": "measured", "threads": threads,
            **columns("seconds", median_estimate(own)),
            **columns("speedup", median_estimate((alone / own).dropna())),
            "num_runs": part["seed"].nunique(), "source": words.commands(part),
        })  # fmt: skip
    keys = ["dataset", "model", "num_threads"]
    paper = published("tgl_figure_4", dataset=group.dataset).merge(
        published("tgl_table_4", dataset=group.dataset), on=keys, how="outer"
    )
    paper = paper.rename(columns={
        "model": "layout", "num_threads": "threads", "sampling_seconds_per_epoch": "seconds",
    })[["layout", "threads", "seconds", "speedup"]].assign(
        origin="published", by="TGL", source="TGL Table 4 (printed), Figure 4(a) (digitised)"
    )  # fmt: skip
    table = pd.concat([pd.DataFrame(rows), paper])
    table["described"] = pd.Categorical(table["layout"].map(DESCRIBED), list(DESCRIBED.values()))
    return table.sort_values(["described", "origin", "threads"]).astype({"described": str})


def draw_sampling(group: Group) -> Iterator[Output]:
    """A table by layout and threads."""
    spec = {
        "layout": "described", "by": "by", "threads": ("threads", ".0f"),
        "s per epoch": ("seconds", ".3f"), "speed-up": ("speedup", ".2f"),
        "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    table, caption = sampling(group), words.conditions(group.runs) + tables.COSTS
    name = f"sampling_speed_{group.dataset}"
    yield Output(name, table, caption, shown=tables.shown(table, spec))


def measure_sampling(group: Group) -> Iterator[Measured]:
    """How long the layouts of TGN and TGAT take on one thread, and what a second one gives TGN."""
    table = sampling(group)
    for row in rows_of(table[table["origin"] == "measured"]):
        name, form, unit, more = ("seconds", ".3f", " s", ", another machine")
        if row["threads"] == 2:
            name, form, unit, more = ("speedup", ".2f", "", "; the loops here run on one thread")
        if pd.notna(row[name]) and row["threads"] <= 2:
            where = f"{group.dataset}, seeds: {row['num_runs']:.0f}{more}"
            text = cell(row, name, form) + unit
            yield measured(group, f"{name} {row['layout']}", row[name], text, where, row["source"])


def scaling(group: Group) -> pd.DataFrame:
    """TGL's trainers over seeds, what DistTGL reports of TGL, and TGL's own of GDELT."""
    rate = group.runs["throughput_events_per_second"] / 1000
    by_seed = {name: rate[runs.index].groupby(runs["seed"]).first()
               for name, runs in group.by_parallelism().items()}  # fmt: skip
    metric = group.first["primary_metric"]
    rows: list[Row] = []
    for name, runs in group.by_parallelism().items():
        gain = (by_seed[name] / by_seed.get(SINGLE, by_seed[name] * float("nan"))).dropna()
        rows.append({
            "origin": "measured", "dataset": group.dataset, "by": "measured",
            "label": f"tgl {name}",
            "trainers": runs["num_trainers"].iloc[0], "metric": metric.upper(),
            **columns("seconds", median_estimate(runs["seconds.train"] / runs["epochs"])),
            **columns("rate", median_estimate(by_seed[name])),
            **columns("speedup", median_estimate(gain)),
            **columns("test", mean_estimate(column(runs, f"metrics.test_{metric}"), 100)),
            "num_runs": len(runs), "source": words.commands(runs),
        })  # fmt: skip
    told = published("figure_12b", dataset=group.dataset, system="tgl")
    told = told.assign(rate=told[PER_GPU] * told["num_gpus"])
    told = told.assign(speedup=told["rate"] / told["rate"].head(1).sum())
    own = published("tgl_figure_7", model="TGN")
    own = own.assign(speedup=1 / own["normalised_time"])
    trained = published("tgl_table_7", dataset="gdelt", model="TGN").assign(metric="AP")
    names = {"num_gpus": "trainers", "seconds_per_epoch": "seconds", "ap_percent": "test"}
    paper = pd.concat([told, own, trained]).rename(columns=names).assign(origin="published")
    return pd.concat([pd.DataFrame(rows), paper.assign(by=paper["source"].map(words.short_source))])


def draw_scaling(group: Group) -> Iterator[Output]:
    """A table by number of trainers."""
    spec = {
        "data set": "dataset", "by": "by", "trainers": ("trainers", ".0f"),
        "s per epoch": ("seconds", ".1f"), "thousand events/s": ("rate", ".1f"),
        "speed-up": ("speedup", ".2f"), "test (%)": ("test", ".2f"), "metric": "metric",
        "seeds": ("num_runs", ".0f"),
    }  # fmt: skip
    table = scaling(group)
    caption = words.conditions(group.runs) + tables.ACCURACIES + tables.COSTS
    name = f"tgl_scaling_{group.dataset}_{group.protocol}"
    yield Output(name, table, caption, shown=tables.shown(table, spec))


def measure_scaling(group: Group) -> Iterator[Measured]:
    """What two trainers of TGL gain."""
    table = scaling(group)
    ours = table[(table["origin"] == "measured") & (table["trainers"] == 2)]
    for row in rows_of(ours.dropna(subset="speedup")):
        where = f"{group.dataset}, seeds: {row['num_runs']:.0f}, a CPU core per trainer, against "
        where += "DistTGL's number"
        text = cell(row, "speedup", ".2f")
        yield measured(group, "speedup", row["speedup"], text, where, row["source"])


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


def _most_layouts(runs: Runs) -> tuple[object, ...]:
    return runs["parallelism"].nunique(), runs["epochs"].iloc[0], len(runs)


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
    PaperFigure(
        "sampling_speed",
        Rule(
            ("sampling_speed",), ("sampling_speed",), varies=("task", "threads"), rank=len,
            needs={"not a layout of TGL's": lambda runs: _sampled(runs).notna()},
        ),
        draw_sampling, measure_sampling,
    ),
    PaperFigure(
        "tgl_scaling",
        Rule(
            ("scaling",), varies=("processes",), rank=_most_layouts,
            needs={"another system": lambda runs: runs["system"] == "tgl", **NEEDS},
        ),
        draw_scaling, measure_scaling,
    ),
]  # fmt: skip
