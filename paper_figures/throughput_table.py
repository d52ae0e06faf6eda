"""Throughput of each configuration: measured, projected to more trainers, and published."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from paper_figures.cost_model import Layout, fit
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.series import Series, make_series

TOTAL, PER_TRAINER = "thousand_events_per_second", "thousand_events_per_second_per_trainer"
PUBLISHED_PER_GPU = "thousand_events_per_second_per_gpu"
STRATEGIES = ("mini-batch", "epoch", "memory")  # what i, j and k trainers divide
SINGLE = "single"
PROJECTED_SYSTEM, PROJECTED_SIZES = "disttgl", (2, 4, 8)  # trainers, on one machine of the paper


def measured(records: list[Record]) -> pd.DataFrame:
    """Median, lowest and highest throughput over the runs of each series, total and per trainer."""
    return pd.DataFrame([_bar(series) for series in make_series(records)])


def _bar(series: Series) -> dict[str, Any]:
    total = pd.Series([record.throughput for record in series.records], dtype=float) / 1000
    first = series.records[0]
    return {
        "label": series.label,
        "variant": ", ".join(series.difference),
        "system": series.system,
        "parallelism": series.parallelism,
        "strategy": strategy_of(series.parallelism),
        "num_trainers": first.num_trainers,
        "batch_size": first.batch_size,
        TOTAL: total.median(),
        "lowest": total.min(),
        "highest": total.max(),
        PER_TRAINER: total.median() / first.num_trainers,
        "num_runs": len(total),
        "origin": "measured",
        "source": series.source,
    }


def projected(table: pd.DataFrame) -> pd.DataFrame:
    """What more trainers would reach on one machine with a core or device for each.

    By the cost model fitted on the rows of ``table`` (as of ``measured``), for strategies measured
    with several trainers. Few sizes leave its terms open: ``lowest`` and ``highest`` are of the
    models that fit equally well, the throughput is the lowest.
    """
    ours = table[table["system"] == PROJECTED_SYSTEM]
    rows = [
        row for _, part in ours.groupby(["variant", "batch_size"]) for row in _projections(part)
    ]
    return pd.DataFrame(rows, columns=table.columns)


def _projections(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Of rows that differ in nothing but parallelism; none without a row of one trainer."""
    variant, batch_size = str(rows["variant"].iloc[0]), int(rows["batch_size"].iloc[0])
    layouts = [Layout.parse(parallelism) for parallelism in rows["parallelism"]]
    if Layout(1, 1, 1) not in layouts:
        return
    models = fit(layouts, list(rows["num_trainers"] * batch_size / (1000 * rows[TOTAL])))
    for parallelism in _larger(list(rows["parallelism"])):
        layout = Layout.parse(parallelism)
        totals = [model.throughput(layout, batch_size) / 1000 for model in models]
        yield {
            "label": ", ".join(filter(None, [f"{PROJECTED_SYSTEM} {parallelism}", variant])),
            "variant": variant,
            "system": PROJECTED_SYSTEM,
            "parallelism": parallelism,
            "strategy": strategy_of(parallelism),
            "num_trainers": layout.num_trainers,
            "batch_size": batch_size,
            TOTAL: min(totals),
            "lowest": min(totals),
            "highest": max(totals),
            PER_TRAINER: min(totals) / layout.num_trainers,
            "num_runs": 0,
            "origin": "projected",
            "source": f"cost model fitted on the measured {', '.join(rows['parallelism'])}",
        }


def _larger(parallelisms: list[str]) -> list[str]:
    """``PROJECTED_SIZES`` beyond the largest measured one, of each strategy that was measured."""
    found = []
    for place, strategy in enumerate(STRATEGIES):
        sizes = [int(p.split("x")[place]) for p in parallelisms if strategy_of(p) == strategy]
        for size in PROJECTED_SIZES:
            if sizes and size > max(sizes):
                degrees = ["1", "1", "1"]
                degrees[place] = str(size)
                found.append("x".join(degrees))
    return found


def strategy_of(parallelism: str) -> str:
    """The paper's name for what "ixjxk" trainers divide: "single", "memory", "epoch + memory"."""
    names = zip(STRATEGIES, parallelism.split("x"), strict=True)
    return " + ".join(name for name, degree in names if degree != "1") or SINGLE


def published_bars(dataset: str, table: pd.DataFrame) -> pd.DataFrame:
    """Figure 12(b) up to the most trainers in ``table``; totals are per GPU times GPUs.

    A configuration has the label of its row in ``table``, or one of its own where that has none.
    """
    bars = published("figure_12b", dataset=dataset).dropna(subset=[PUBLISHED_PER_GPU])
    bars = bars[(bars["num_machines"] == 1) & (bars["num_gpus"] <= table["num_trainers"].max())]
    bars = bars.rename(columns={PUBLISHED_PER_GPU: PER_TRAINER, "num_gpus": "num_trainers"})
    labels = table[["label", "system", "parallelism"]]
    bars = bars.merge(labels, on=["system", "parallelism"], how="left")
    bars["label"] = bars["label"].fillna(bars["system"] + " " + bars["parallelism"])
    bars[TOTAL] = bars[PER_TRAINER] * bars["num_trainers"]
    names = ["label", "system", "parallelism", "strategy", "num_trainers", TOTAL, PER_TRAINER]
    return bars[[*names, "source"]].assign(origin="published")
