"""What parallelism costs: Table 1, Figure 2(b), and whether it changes what is computed."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.patches import Patch

from benchmark.records import words
from benchmark.records.series import SINGLE, Runs, column
from benchmark.records.statistics import Estimate
from paper_figures import bars, style, tables
from paper_figures.figure import Claim, Group, Measured, Output, Rule, figure, published
from paper_figures.selection import Mask, has
from paper_figures.tables import cell
from paper_figures.throughput import NEEDS

STRATEGIES = {SINGLE: SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
CAPTURED = "captured dependency"
QUANTITIES = {  # a line of Table 1: what is measured behind it, in words
    CAPTURED: ("metrics.sum_of_3000_largest", "captured events, 3,000 nodes"),
    "training overhead (mini-batch generation)": ("wait_ms_per_batch", "wait for a batch, ms"),
    "main memory": ("peak_gib", "all processes, GiB"),
    "synchronisation": ("memory_ms_per_batch", "node memory, ms a batch"),
    "gradient variance": ("", "no record"),
}
MEMORIES = {
    "replica": "replica: a copy in every process", "daemon": "daemon: one copy in host memory",
    "sharded": "sharded: rows spread over the processes",
}  # fmt: skip
KIND, SECONDS = "settings.system.node_memory", "memory_seconds_per_epoch"
EXACTNESS, AGREEMENT = "python -m benchmark.run suite=exactness", "agreement.csv"
COLUMNS = ("i x j x k", "precision", "node_memory", "processes", "losses", "loss", "metric")
MARKS = {"replica": "o", "daemon": "s", "sharded": "^"}
BLUE = style.color_of("disttgl")


def strategies(group: Group) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, in each line of Table 1.

    Two trainers of mini-batch parallelism share a batch of twice the events; the batches of the
    other two stay those of one trainer, and so do the events captured.
    """
    counted, timed = (group.runs[mask] for mask in (_counts(group.runs), ~_counts(group.runs)))
    layouts, size = group.by_parallelism(timed), timed["batch_size"].max() if len(timed) else 600
    sets = []
    for (quantity, (name, unit)), strategy in product(QUANTITIES.items(), STRATEGIES):
        runs = layouts.get(STRATEGIES[strategy], timed[:0])
        if quantity == CAPTURED:
            events = 2 * size if strategy == "mini-batch" else size
            runs = counted[counted["batch_size"] == events]
        if name and len(runs):
            named = {"quantity": quantity, "strategy": strategy, "unit": unit}
            sets.append((named, runs.assign(value=column(runs, name))))
    stated = published("table_1").rename(columns={"against_single_gpu": "stated"})
    return pd.concat([stated, tables.summary(sets, medians=["value"])], ignore_index=True)


def _counts(runs: Runs) -> "pd.Series[bool]":
    return runs["task"] == "captured_events"


def _or_counts(need: Mask) -> Mask:
    return lambda runs: _counts(runs) | need(runs)


TIMED: dict[str, Mask] = {
    "another system": lambda runs: runs["system"] == "disttgl",
    "another layout": lambda runs: runs["parallelism"].isin(STRATEGIES.values()),
    "no seconds by part": has("wait_ms_per_batch"), **NEEDS,
}  # fmt: skip


@figure("strategies", Rule(
    ("captured_events", "scaling"), ("captured_events", "link_prediction"),
    varies=None, together=True,
    needs={"another data set": lambda runs: runs["dataset"] == "wikipedia",
           **{reason: _or_counts(need) for reason, need in TIMED.items()}},
))  # fmt: skip
def draw_strategies(group: Group) -> Iterator[Output]:
    """Two lines for each quantity: what the paper states, and what was measured."""
    table, lines = strategies(group), []
    for quantity, (_, unit) in QUANTITIES.items():
        form = ".0f" if quantity == CAPTURED else ".2f"
        rows = table[table["quantity"] == quantity].to_dict("records")
        theirs, ours = dict.fromkeys(STRATEGIES, ""), dict.fromkeys(STRATEGIES, "not measured")
        theirs |= {r["strategy"]: r["stated"] for r in rows if r["origin"] == "published"}
        ours |= {r["strategy"]: cell(r, "value", form) for r in rows if r["origin"] == "measured"}
        for origin, by, texts in (("published", "DistTGL", theirs), ("measured", unit, ours)):
            lines.append({"against one trainer": quantity, "by": by, **texts, "origin": origin})
    shown = pd.DataFrame(lines).rename(columns={SINGLE: "one trainer"})
    timed = group.runs[~_counts(group.runs)]
    about = words.conditions(timed if len(timed) else group.runs)
    yield Output(table, shown=shown, facts={"conditions": about})


@figure("node_memory", Rule(
    ("node_memory",), varies=("processes", "system.node_memory"), rank=len,
    needs={"no seconds in node memory": has(SECONDS),
           "another memory": lambda runs: runs[KIND].isin(MEMORIES)},
))  # fmt: skip
def draw_memory(group: Group) -> Iterator[Output]:
    """Measured kinds of memory on the left, the published sharded one on the right."""
    sets = tables.sets_by(group.runs.assign(memory=group.runs[KIND]), "memory", "processes")
    table = tables.summary(sets, medians=[SECONDS])
    paper = published("figure_2b").assign(memory="sharded")
    paper = paper.rename(columns={"num_machines": "processes", "seconds_per_epoch": SECONDS})
    picture, (left, right) = plt.subplots(1, 2, figsize=(style.PAGE, 2.3), width_ratios=[2.2, 1])
    colors = dict(zip(MEMORIES, style.shades(BLUE, len(MEMORIES)), strict=True))
    for axes, part in ((left, table), (right, paper)):
        bars.grouped(axes, part, SECONDS, "processes", "memory", colors, "{:.3g}".format)
    left.set(xlabel="processes on one machine", ylabel="seconds per epoch in node memory")
    right.set(xlabel="machines (published)")
    named = {MEMORIES[name]: color for name, color in colors.items()}
    bars.legend(picture, named, [Patch(**style.hollow(colors["sharded"]), label="published")], 2)
    yield Output(pd.concat([table, paper]), picture)


def agreement(group: Group) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    parts = []
    for path in dict.fromkeys(map(_table_beside, group.runs.index)):
        part = pd.read_csv(path)
        missing = [name for name in COLUMNS if name not in part]
        if missing or part.empty or part[["loss", "metric"]].isna().any(axis=None):
            what = f"the column {missing[0]!r}" if missing else "a difference"
            raise ValueError(f"{path}: {what} is missing; make it again")
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    table["difference"] = table[["loss", "metric"]].max(axis=1)
    table["label"] = table["i x j x k"] + " " + table["precision"]
    return table.assign(origin="measured", source=EXACTNESS)


def measure_agreement(claim: Claim, group: Group) -> Measured | None:
    """The largest difference of the precision that a claim is of."""
    table = agreement(group).query("precision == @claim.of")
    if table.empty:
        return None
    references = table["label"].nunique()  # of each layout the run that others stand beside
    equal = int((table["difference"] == 0).sum()) - references
    largest, losses = float(table["difference"].max()), table["losses"].agg(["min", "max"])
    text = f"{equal} of {len(table) - references} runs the same bit for bit"
    text += f", the others to {largest:.0e}" if largest else ""
    facts = {
        "precision": claim.of, "layouts": ", ".join(table["i x j x k"].unique()),
        "hosts": words.list_of(sorted(table["processes"].unique())),
        "losses": words.list_of(losses.unique(), " to "),
        "kept": (group.runs["settings.system.precision"] == claim.of).sum(),
    }  # fmt: skip
    return Measured({"": Estimate(largest)}, text, group.runs, facts=facts)


def _table_beside(run: str) -> Path:
    return Path(run).parent / AGREEMENT


@figure("exactness", Rule(
    ("exactness",), varies=None, together=True, any_stream=True,
    needs={f"no table {AGREEMENT} beside it": lambda runs: runs.index.to_series().map(
        lambda run: _table_beside(run).exists())},
), {"agreement": measure_agreement})  # fmt: skip
def draw_agreement(group: Group) -> Iterator[Output]:
    """A row for each layout, a mark for each run."""
    table = agreement(group)
    labels, hosts = list(table["label"].unique()), sorted(table["processes"].unique())
    kinds = [name for name in MARKS if name in set(table["node_memory"])]
    picture, axes = plt.subplots(figsize=(style.COLUMN, 0.6 + 0.24 * len(labels)))
    for row in table.to_dict("records"):
        shift, apart = 0.22 * (list(MARKS).index(row["node_memory"]) - 1), row["difference"]
        x, y = hosts.index(row["processes"]) + shift, labels.index(row["label"])
        axes.plot(x, y, MARKS[row["node_memory"]], color=style.GREY if apart else BLUE)
        if apart:
            style.write(axes, f"{apart:.0e}", x, y, 4, size=5)
    style.categories(axes, "x", hosts)
    style.categories(axes, "y", labels)
    axes.set(xlim=(-0.5, len(hosts) - 0.5), ylim=(len(labels) - 0.4, -0.6))
    axes.set_xlabel("processes that host the trainers")
    style.legend_below(picture, [style.line(n, color=BLUE, marker=MARKS[n], lw=0) for n in kinds])
    yield Output(table, picture)
