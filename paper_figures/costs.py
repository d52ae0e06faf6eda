"""Tables of time: sampling (TGL Table 4), trainers of TGL (TGL Figure 7), strategies (Table 1)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs, column
from benchmark.records.statistics import Estimate, mean_estimate, median_estimate
from paper_figures import tables
from paper_figures.claims import Measured
from paper_figures.figure import Output, PaperFigure
from paper_figures.published import published
from paper_figures.selection import Group, Rule, has
from paper_figures.tables import cell, columns
from paper_figures.throughput import NEEDS, PER_GPU

LAYOUTS = {  # num_layers, strategy, num_snapshots, num_neighbors, batch_size with which TGL samples
    (1, "recent", 1, 10, 600): "TGN", (2, "uniform", 1, 10, 600): "TGAT",
    (2, "uniform", 3, 10, 600): "DySAT",
}  # fmt: skip
DESCRIBED = {"TGN": "TGN: 1 layer, most recent", "TGAT": "TGAT: 2 layers, uniform",
             "DySAT": "DySAT: as TGAT, in 3 snapshots"}  # fmt: skip
STRATEGIES = {SINGLE: SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
CAPTURED, OVERHEAD, MEMORY, SYNCHRONISATION = (
    "captured dependency", "training overhead (mini-batch generation)", "main memory",
    "synchronisation",
)  # fmt: skip
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
    rows = []
    for (layout, threads), part in runs.groupby(["layout", "threads"]):
        single = runs[(runs["layout"] == layout) & (runs["threads"] == 1)]
        seconds = [
            one.drop_duplicates("seed").set_index("seed")["seconds.sample"]
            for one in (single, part)
        ]
        rows.append({
            "origin": "measured", "layout": layout, "by": "measured", "threads": int(threads),
            **columns("seconds", median_estimate(seconds[1])),
            **columns("speedup", median_estimate((seconds[0] / seconds[1]).dropna())),
            "num_runs": part["seed"].nunique(), "source": words.commands(part),
        })  # fmt: skip
    keys = ["dataset", "model", "num_threads"]
    paper = published("tgl_figure_4", dataset=group.dataset)[[*keys, "speedup"]]
    stated = published("tgl_table_4", dataset=group.dataset)[[*keys, "sampling_seconds_per_epoch"]]
    paper = paper.merge(stated, on=keys, how="outer").set_axis(
        ["dataset", "layout", "threads", "speedup", "seconds"], axis=1
    )
    source = "TGL Table 4 (printed), Figure 4(a) (digitised)"
    table = pd.concat(
        [pd.DataFrame(rows), paper.assign(origin="published", by="TGL", source=source)]
    )
    place = table["layout"].map({name: n for n, name in enumerate(DESCRIBED)})
    return (
        table.assign(place=place).sort_values(["place", "origin", "threads"]).drop(columns="place")
    )


def draw_sampling(group: Group) -> Iterator[Output]:
    table = sampling(group)
    rows = [
        {
            "layout": DESCRIBED[row["layout"]], "by": row["by"], "threads": f"{row['threads']:.0f}",
            "s per epoch": cell(row, "seconds", ".3f"), "speed-up": cell(row, "speedup", ".2f"),
            "seeds": cell(row, "num_runs", ".0f"), "origin": row["origin"],
        }
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = words.conditions(group.runs) + tables.COSTS
    yield Output(f"sampling_speed_{group.dataset}", table, caption, shown=tables.shown(rows))


def measure_sampling(group: Group) -> Iterator[Measured]:
    """How long the layouts of TGN and TGAT take on one thread, and what a second one gives TGN."""
    table = sampling(group)
    rows = table[table["origin"] == "measured"].to_dict("records")
    wanted = {("TGN", 1): ("seconds", ".3f", " s", ", another machine"), ("TGAT", 1): ("seconds", ".3f", " s", ", another machine"),
              ("TGN", 2): ("speedup", ".2f", "", "; the loops here run on one thread")}  # fmt: skip
    for row in rows:
        key = (row["layout"], row["threads"])
        if key in wanted and pd.notna(row[wanted[key][0]]):
            name, form, unit, more = wanted[key]
            where = f"{group.dataset}, seeds: {row['num_runs']:.0f}{more}"
            text = cell(row, name, form) + unit
            yield Measured(
                f"{name} {key[0]}",
                {"": Estimate(row[name])},
                text,
                where,
                row["source"],
                group.dataset,
            )


def scaling(group: Group) -> pd.DataFrame:
    """TGL's trainers over seeds, what DistTGL reports of TGL, and TGL's own of GDELT."""
    rate = group.runs["throughput_events_per_second"] / 1000
    single = rate[group.runs["parallelism"] == SINGLE].groupby(group.runs["seed"]).first()
    metric = group.first["primary_metric"]
    rows: list[dict[str, Any]] = []
    for name, runs in group.by_parallelism().items():
        own = rate[runs.index].groupby(runs["seed"]).first()
        tested = column(runs, f"metrics.test_{metric}")
        rows.append({
            "origin": "measured", "dataset": group.dataset, "by": "measured", "label": f"tgl {name}",
            "trainers": runs["num_trainers"].iloc[0],
            **columns("seconds", median_estimate(runs["seconds.train"] / runs["epochs"])),
            **columns("rate", median_estimate(own)),
            **columns("speedup", median_estimate((own / single).dropna())), "metric": metric,
            **columns("test", mean_estimate(tested, 100)),
            "num_runs": len(runs), "source": words.commands(runs),
        })  # fmt: skip
    told = published("figure_12b", dataset=group.dataset, system="tgl")
    total = told[PER_GPU] * told["num_gpus"]
    told = told.assign(
        rate=total,
        speedup=total / total.iloc[0] if len(total) else total,
        trainers=told["num_gpus"],
    )
    figure = published("tgl_figure_7", model="TGN")
    figure = figure.assign(speedup=1 / figure["normalised_time"], trainers=figure["num_gpus"])
    table = published("tgl_table_7", dataset="gdelt", model="TGN").assign(metric="ap")
    table = table.rename(columns={"seconds_per_epoch": "seconds", "ap_percent": "test"})
    names = ["dataset", "trainers", "seconds", "rate", "speedup", "metric", "test", "source"]
    paper = pd.concat([told, figure, table])[names]
    return pd.concat(
        [
            pd.DataFrame(rows),
            paper.assign(origin="published", by=paper["source"].map(words.short_source)),
        ]
    )


def draw_scaling(group: Group) -> Iterator[Output]:
    table = scaling(group)
    rows = [
        {
            "data set": row["dataset"], "by": row["by"], "trainers": cell(row, "trainers", ".0f"),
            "s per epoch": cell(row, "seconds", ".1f"), "thousand events/s": cell(row, "rate", ".1f"),
            "speed-up": cell(row, "speedup", ".2f"),
            "test (%)": cell(row, "test", ".2f") + (f" {row['metric'].upper()}" if pd.notna(row["test"]) else ""),
            "seeds": cell(row, "num_runs", ".0f"), "origin": row["origin"],
        }
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = words.conditions(group.runs) + tables.ACCURACIES + tables.COSTS
    yield Output(
        f"tgl_scaling_{group.dataset}_{group.protocol}", table, caption, shown=tables.shown(rows)
    )


def measure_scaling(group: Group) -> Iterator[Measured]:
    """What two trainers of TGL gain."""
    table = scaling(group)
    for row in table[(table["origin"] == "measured") & (table["trainers"] == 2)].to_dict("records"):
        if pd.notna(row["speedup"]):
            where = f"{group.dataset}, seeds: {row['num_runs']}, a CPU core per trainer, against DistTGL's number"
            text = cell(row, "speedup", ".2f")
            yield Measured(
                "speedup", {"": Estimate(row["speedup"])}, text, where, row["source"], group.dataset
            )


def _counts(runs: Runs) -> "pd.Series[bool]":
    return runs["task"] == "captured_events"


def _batch_milliseconds(runs: Runs, *parts: str) -> "pd.Series[float]":
    """Of parts of training, for each batch of each trainer."""
    events = runs["throughput_events_per_second"] * runs["seconds.train"]
    batches = events / runs["batch_size"] / runs["num_trainers"]
    return 1000 * runs[[f"seconds_by_part.{part}" for part in parts]].sum(axis=1) / batches


def strategies(group: Group) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, in each line of Table 1.

    Two trainers of mini-batch parallelism share a batch of twice the events; the batches of the
    other two stay those of one trainer, and so do the events captured.
    """
    rows: list[dict[str, Any]] = []
    counted, timed = (group.runs[_counts(group.runs) == kind] for kind in (True, False))
    size = timed["batch_size"].iloc[0] if len(timed) else 600
    sums = {run["batch_size"]: (pd.read_csv(Path(str(folder)) / "bars.csv")["captured_events"].sum(), run["command"])
            for folder, run in counted.iterrows()}  # fmt: skip
    if {size, 2 * size} <= sums.keys():
        for strategy in STRATEGIES:
            total, source = sums[2 * size if strategy == "mini-batch" else size]
            share = Estimate(100 * total / sums[size][0])
            rows.append(
                {
                    "quantity": CAPTURED,
                    "strategy": strategy,
                    **columns("value", share),
                    "num_runs": 1,
                    "source": source,
                }
            )
    quantities = {
        OVERHEAD: _batch_milliseconds(timed, "prepare"), MEMORY: timed["peak_memory_bytes"] / 2**30,
        SYNCHRONISATION: _batch_milliseconds(timed, "memory_read", "memory_write"),
    }  # fmt: skip
    of = group.by_parallelism(timed)
    for quantity, values in quantities.items():
        for strategy, layout in STRATEGIES.items():
            if layout in of:
                estimate = median_estimate(values[of[layout].index])
                rows.append({"quantity": quantity, "strategy": strategy, **columns("value", estimate),
                             "num_runs": len(of[layout]), "source": words.commands(of[layout])})  # fmt: skip
    ours = pd.DataFrame(rows).assign(origin="measured")
    ours["unit"] = ours["quantity"].map(UNITS)
    stated = published("table_1").rename(columns={"against_single_gpu": "stated"})
    return pd.concat([stated.assign(origin="published"), ours], ignore_index=True)


def _form(quantity: str) -> str:
    return ".0f" if quantity == CAPTURED else ".2f"


def draw_strategies(group: Group) -> Iterator[Output]:
    table = strategies(group)
    rows = []
    for quantity, unit in UNITS.items():
        for origin, by in (("published", "DistTGL"), ("measured", unit)):
            part = table[(table["quantity"] == quantity) & (table["origin"] == origin)].set_index(
                "strategy"
            )
            cells = {
                "one trainer" if s == SINGLE else s: _strategy_cell(part, s, quantity, origin)
                for s in STRATEGIES
            }
            rows.append({"against one trainer": quantity, "by": by, **cells, "origin": origin})
    timed = group.runs[~_counts(group.runs)]
    caption = (
        f"{words.conditions(timed if len(timed) else group.runs)} Two trainers of each kind; by epoch or memory they have one's"
        f" batches, and so its captured events.{tables.COSTS}"
    )
    yield Output("strategies", table, caption, shown=tables.shown(rows))


def _strategy_cell(part: pd.DataFrame, strategy: str, quantity: str, origin: str) -> str:
    if strategy not in part.index:
        return "" if strategy == SINGLE else "not measured"
    row = dict(part.loc[strategy])
    return row["stated"] if origin == "published" else cell(row, "value", _form(quantity))


def measure_strategies(group: Group) -> Iterator[Measured]:
    """Which strategy loses captured events, and which keeps node memory out of synchronisation."""
    table = strategies(group)
    ours = table[table["origin"] == "measured"].set_index(["quantity", "strategy"])
    for quantity, less, more in (
        (CAPTURED, "mini-batch", SINGLE),
        (SYNCHRONISATION, "memory", "mini-batch"),
    ):
        if {(quantity, less), (quantity, more)} <= set(ours.index):
            low, high = (dict(ours.loc[(quantity, name)]) for name in (less, more))
            spread = [high["value"] - low["value"], high["value"], high["value"]]
            if quantity == SYNCHRONISATION:
                spread[1:] = (
                    high["value_low"] - low["value_high"],
                    high["value_high"] - low["value_low"],
                )
            else:
                spread[1:] = spread[0], spread[0]
            text = f"{UNITS[quantity]}: " + ", ".join(
                f"{name} {cell(row, 'value', _form(quantity))}"
                for name, row in ((less, low), (more, high))
            )
            where = f"{group.dataset}, two trainers" + (
                f", seeds: {low['num_runs']:.0f}" if quantity != CAPTURED else ""
            )
            yield Measured(
                quantity, {"": Estimate(*spread)}, text, where, low["source"], group.dataset
            )


def _most_layouts(runs: Runs) -> tuple[object, ...]:
    return runs["parallelism"].nunique(), runs["epochs"].iloc[0], len(runs)


FIGURES = [
    PaperFigure(
        "strategies", "Table 1", "what each kind of parallelism costs, against one trainer",
        "python -m benchmark.run suite=scaling dataset=wikipedia system=disttgl seeds=4",
        "The paper states directions; here are numbers of two trainers, a CPU core each. Mini-batches "
        "are made in the background, so that only the wait for them shows. A copy of the node memory "
        "takes 11 MB, which is little beside what each process takes for itself. Of synchronisation "
        "only that of node memory is timed on its own, and of gradient variance there is no record.",
        Rule(
            ("captured_events", "scaling"), ("captured_events", "link_prediction"), varies=None, together=True,
            needs={
                "another data set": lambda runs: runs["dataset"] == "wikipedia",
                "another system": lambda runs: _counts(runs) | (runs["system"] == "disttgl"),
                "a layout that the table does not have": lambda runs: runs["parallelism"].isin(STRATEGIES.values()),
                "no seconds by part": lambda runs: _counts(runs) | has("seconds_by_part.prepare")(runs),
                "trainers may have shared a core": lambda runs: _counts(runs) | NEEDS["trainers may have shared a core"](runs),
            },
        ),
        draw_strategies, measure_strategies, SYNCHRONISATION,
    ),
    PaperFigure(
        "sampling_speed", "TGL Table 4", "seconds of neighbour sampling for one epoch (also TGL Figure 4(a))",
        "python -m benchmark.run suite=sampling_speed",
        "The compiled loops of this sampler run on one thread; a second one serves the operations of "
        "torch around them. Uniform neighbours are distinct here. The machine is another, and TGL "
        "prints .46 s for TGN on 8 threads, where its Figure 4(a) implies .046 s.",
        Rule(("sampling_speed",), ("sampling_speed",), varies=("task", "threads"), rank=lambda runs: (len(runs),),
             needs={"not a layout of TGL's": lambda runs: _sampled(runs).notna()}),
        draw_sampling, measure_sampling, "seconds TGN",
    ),
    PaperFigure(
        "tgl_scaling", "TGL Figure 7", "TGL on several trainers: seconds, speed-up, accuracy (also TGL Table 7)",
        "python -m benchmark.run suite=scaling dataset=wikipedia system=tgl seeds=5",
        "GDELT and MAG are not at hand, and a trainer has a CPU core in place of a GPU: seconds and "
        "accuracy compare with none of TGL's own, the speed-up does, best with the one that DistTGL "
        "measured of TGL on Wikipedia. Table 7 does not say how many GPUs it is of.",
        Rule(("scaling",), varies=("processes",), rank=_most_layouts,
             needs={"another system": lambda runs: runs["system"] == "tgl", **NEEDS}),
        draw_scaling, measure_scaling, "speedup",
    ),
]  # fmt: skip
