"""What parallelism costs: Table 1, and whether it changes what is computed."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.records import tables, words
from benchmark.records.reader import read_table
from benchmark.records.series import SINGLE
from benchmark.records.statistics import Estimate
from paper_figures.figure import Claim, Group, Measured, Output, figure, published
from paper_figures.throughput import NEEDS

STRATEGIES = {"one trainer": SINGLE, "mini-batch": "2x1x1", "epoch": "1x2x1", "memory": "1x1x2"}
COUNT = "metrics.sum_of_3000_largest"
TIMES = {"wait_ms_per_batch": "wait for a batch, ms", "peak_gib": "all processes, GiB",
         "memory_ms_per_batch": "node memory, ms a batch"}  # fmt: skip
MEASURED = {COUNT: "captured events, 3,000 nodes", **TIMES, "": "no record"}
QUANTITIES = {  # a line of Table 1, and what is measured behind it
    "captured dependency": COUNT,
    "training overhead (mini-batch generation)": "wait_ms_per_batch",
    "main memory": "peak_gib",
    "synchronisation": "memory_ms_per_batch",
    "gradient variance": "",
}
EXACTNESS, AGREEMENT = "python -m benchmark.run suite=exactness", "agreement.csv"
COLUMNS = {"i x j x k": str, "precision": str, "node_memory": str, "processes": int, "losses": int,
           "loss": float, "metric": float}  # fmt: skip


def two_trainers(group: Group) -> pd.DataFrame:
    """A row for each strategy, and for one trainer, with what is measured of it.

    Two trainers of mini-batch parallelism share a batch of twice the events; the batches of the
    other two stay those of one trainer, and so do the events captured.
    """
    counts = group.runs["task"] == "captured_events"
    counted, timed = group.runs[counts], group.runs[~counts]
    captured = counted.drop_duplicates("batch_size").set_index("batch_size")[COUNT]
    layouts, size = group.by_parallelism(timed), timed["batch_size"].max() if len(timed) else 600
    sets = []
    for name, layout in STRATEGIES.items():
        events = 2 * size if name == "mini-batch" else size
        told = {"strategy": name, COUNT: captured.get(events)}
        sets.append((told, layouts.get(layout, timed[:0])))
    return tables.summary(sets, medians=list(TIMES))


@figure("strategies", varies=None, together=True, needs=NEEDS)
def draw_strategies(group: Group) -> Iterator[Output]:
    """Two lines for each quantity: what the paper states, and what was measured."""
    ours, paper = two_trainers(group), published("table_1").replace(SINGLE, "one trainer")
    stated = paper.set_index(["quantity", "strategy"])["against_single_gpu"]
    lines = []
    for quantity, name in QUANTITIES.items():
        form, rows = ".0f" if name == COUNT else ".2f", ours.to_dict("records")
        theirs = {strategy: stated.get((quantity, strategy), "") for strategy in STRATEGIES}
        cells = {row["strategy"]: tables.cell(row, name, form) for row in rows}
        line = {"against one trainer": quantity}
        lines.append(line | {"by": "DistTGL", **theirs, "origin": "published"})
        lines.append(line | {"by": MEASURED[name], **cells, "origin": "measured"})
    timed = group.runs.query("task == 'link_prediction'")
    about = words.conditions(timed if len(timed) else group.runs)
    table = pd.concat([ours, paper])
    yield Output(table, shown=pd.DataFrame(lines), facts={"conditions": about})


def agreement(group: Group) -> pd.DataFrame:
    """A row for each run: its largest relative ``difference`` from the run on fewest processes."""
    paths = dict.fromkeys(map(_table_beside, group.runs.index))
    table = pd.concat([read_table(path, COLUMNS) for path in paths], ignore_index=True)
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


@figure(
    "exactness", {"agreement": measure_agreement}, varies=None, together=True, any_stream=True,
    needs={f"no table {AGREEMENT} beside it": lambda runs: runs.index.to_series().map(
        lambda run: _table_beside(run).exists())},
)  # fmt: skip
def draw_agreement(group: Group) -> Iterator[Output]:
    """By layout, precision and node memory how far each number of processes is off."""
    table = agreement(group)
    texts = table["difference"].map(lambda apart: f"{apart:.0e}" if apart else "same")
    shown = table.assign(text=texts, processes=table["processes"].map("{} processes".format))
    rows = ["i x j x k", "precision", "node_memory"]
    shown = shown.pivot(index=rows, columns="processes", values="text").fillna(tables.HOLE)
    yield Output(table, shown=shown.reset_index().assign(origin="measured"))
