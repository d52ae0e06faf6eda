"""Classes of events beside the majority class, on the data sets at hand and published on GDELT."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.claim_text import seeds
from paper_figures.networks import network_of
from paper_figures.published import published
from paper_figures.records import Record, as_one
from paper_figures.run_sets import on_whole_stream
from paper_figures.series import Series, make_series
from paper_figures.spread import ACCURACIES, cell, mean_columns
from paper_figures.table_picture import draw_table, rows_of

NUMBER = "Figure 11, test"
SHOWS = (
    "dynamic edge classification of the test events beside the majority class (Figure 11, legend)"
)
COMMAND = "python -m benchmark.run suite=edge_classification"
DIFFERS = (
    "GDELT is not at hand: mathoverflow has 3 classes and ICEWS18 256, one for each event, where "
    "an event of GDELT has several of 56. F1 compares within a data set only."
)
SUITE = "edge_classification"
METRICS = {"f1_micro": "F1-micro (%)", "f1_macro": "F1-macro (%)", "top1": "top-1 (%)"}
HEADER = ("data set", "network", "i x j x k", *METRICS.values(), "seeds")
TGN, MAJORITY = "TGN-attn", "majority class"
OURS, THEIRS = ("1x1x1", "1x1x2"), ("8x1x1", "8x1x2")  # one copy of the node memory, and two
BANDS = (1.0, 3.0)  # points of F1-micro that a second copy may cost: reproduced, partly


def select(records: list[Record]) -> list[Record]:
    """Classification of events in the suite that compares networks, on whole streams."""
    return [
        record
        for record in records
        if record.suite == SUITE
        and record.task == "edge_classification"
        and on_whole_stream(record)
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table of all data sets; returns the files written."""
    chosen = select(records)
    table = together(chosen)
    with plt.rc_context(style.RC):
        return style.save(_figure(table, chosen), table, out, "edge_classification")


def together(records: list[Record]) -> pd.DataFrame:
    """Measured rows by data set, the last of each its majority class, and those of Figure 11."""
    rows: list[dict[str, Any]] = []
    for dataset in sorted({record.dataset for record in records}):
        series = make_series(record for record in records if record.dataset == dataset)
        rows += [_measured(one) for one in series]
        rows.append(_majority(series[0]))
    return pd.DataFrame(rows + published_rows())


def _measured(series: Series) -> dict[str, Any]:
    """Test values in per cent, means over seeds."""
    network = network_of(series.records[0])
    return {
        **_named(series, network, series.label),
        "network": ", ".join([network, *series.settings]),
        "parallelism": series.parallelism,
        **_percent(series, "test_{}"),
        "num_runs": len(series.records),
    }


def _majority(series: Series) -> dict[str, Any]:
    """What the class that is most frequent in training reaches, the same in every record."""
    return _named(series, MAJORITY, MAJORITY) | _percent(series, "test_{}_majority")


def _named(series: Series, network: str, label: str) -> dict[str, Any]:
    dataset = series.records[0].dataset
    return {
        "origin": "measured",
        "dataset": dataset,
        "network": network,
        "label": f"{dataset}, {label}",
        "source": series.source,
    }


def _percent(series: Series, metric: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in METRICS:
        found = (record.metrics.get(metric.format(name)) for record in series.records)
        values |= mean_columns(name, found, 100)
    return values


def published_rows() -> list[dict[str, Any]]:
    """F1-micro of GDELT in per cent."""
    rows: Any = published("figure_11_test").to_dict("records")
    return [
        {
            "origin": "published",
            "dataset": row["dataset"],
            "network": TGN,
            "label": f"{row['dataset']}, DistTGL {row['parallelism']}",
            "parallelism": row["parallelism"],
            "f1_micro": 100 * row["test_f1_micro"],
            "source": row["source"],
        }
        for row in rows
    ]


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    groups = rows_of((part for _, part in table.groupby("dataset", sort=False)), "dataset", _cells)
    text = f"Measured on the test events of each data set, {seeds(records)}." + ACCURACIES
    return draw_table(HEADER, groups, text)


def _cells(row: dict[str, Any]) -> list[str]:
    parallelism = row["parallelism"] if isinstance(row["parallelism"], str) else ""
    values = [cell(row, name, ".2f") for name in METRICS]
    return [row["network"], parallelism, *values, cell(row, "num_runs", ".0f")]


def claims(records: list[Record]) -> list[Claim]:
    """Whether a second copy of the node memory costs accuracy."""
    chosen = select(records)
    table = together(chosen)
    found = [_claim(table, dataset) for dataset in sorted({record.dataset for record in chosen})]
    return [claim for claim in found if claim]


def _claim(table: pd.DataFrame, dataset: str) -> Claim | None:
    ours, theirs = (
        table[(table["dataset"] == name) & (table["network"] == TGN)].set_index("parallelism")
        for name in (dataset, "gdelt")
    )
    if not set(OURS) <= set(ours.index):
        return None
    rows: list[Any] = [dict(ours.loc[name].items()) for name in OURS]
    (one, two), (near, far) = rows, BANDS
    loss = one["f1_micro"] - two["f1_micro"]
    if pd.isna(loss):  # not tested
        return None
    verdict = Verdict.PARTLY if loss <= far else Verdict.CONTRADICTED
    published_text = " and ".join(f"{name} {theirs['f1_micro'][name]:.2f}" for name in THEIRS)
    return Claim(
        statement=f"a second copy of the node memory costs no test F1-micro (%) on {dataset}",
        published=f"{published_text} on GDELT",
        measured=" and ".join(
            f"{name} {cell(row, 'f1_micro', '.2f')}" for name, row in zip(OURS, rows, strict=True)
        ),
        conditions=f"{dataset}, seeds: {one['num_runs']:.0f}",
        verdict=Verdict.REPRODUCED if loss <= near else verdict,
        command=as_one(row["source"] for row in rows),
    )
