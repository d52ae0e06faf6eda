"""TGL Table 6, TGN Table 3, DyGLib Table 15: the states of nodes from embeddings of links."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.claim import Claim
from paper_figures.claim_text import seeds
from paper_figures.network_claims import level, ranking
from paper_figures.networks import by_network, network_of, paper_network, short_source
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.run_sets import on_whole_stream
from paper_figures.series import Series, by_question, make_series
from paper_figures.spread import ACCURACIES, cell, mean_columns
from paper_figures.table_picture import draw_table, rows_of

NUMBER = "TGL Table 6"
SHOWS = "dynamic node classification (TGL Table 6, TGN Table 3, DyGLib Table 15)"
COMMAND = "python -m benchmark.run suite=node_classification"
DIFFERS = (
    "The copy of the data has no edge features, in which the papers' networks read what a user "
    "wrote. AP here is of all events, of which few are positive; TGL's is of as many negatives as "
    "positives and compares with nothing else."
)
TASK = "node_classification"
TGN = "TGN-attn"
BANDS = (2.0, 5.0)  # points of AUC from the published one: reproduced, partly; deviations reach 2.3
HEADER = ("network", "by", "test AUC (%)", "test AP (%)", "AP, balanced (%)", "seeds")


def select(records: list[Record]) -> list[Record]:
    """Classification of nodes, on whole streams as they are."""
    return [record for record in records if record.task == TASK and on_whole_stream(record)]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table for each data set and protocol; returns the files written."""
    return style.save_each(by_question(select(records)), _drawn, out, "node_classification")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table = together(records)
    return _figure(table, records), table


def together(records: list[Record]) -> pd.DataFrame:
    """Measured and published rows of one data set, in the order drawn."""
    rows = [_measured(series) for series in make_series(records)]
    rows += published_rows(records[0].dataset)
    return pd.concat(by_network(pd.DataFrame(rows)), ignore_index=True)


def _measured(series: Series) -> dict[str, Any]:
    """Test values in per cent, means over seeds."""
    network = network_of(series.records[0])
    return {
        "origin": "measured",
        "network": network,
        "system": series.system,
        "by": ", ".join([series.system, *series.settings]),
        "label": f"{network}, {series.label}",
        **mean_columns(
            "auc", (record.metrics.get("test_node_auc") for record in series.records), 100
        ),
        **mean_columns(
            "ap", (record.metrics.get("test_node_ap") for record in series.records), 100
        ),
        "num_runs": len(series.records),
        "source": series.source,
    }


def published_rows(dataset: str) -> list[dict[str, Any]]:
    """AUC of TGN and DyGLib, and TGL's AP of balanced events, in per cent."""
    auc = {"node_classification_auc_percent": "auc", "auc_percent": "auc"}
    named = {**auc, "value_percent": "balanced_ap", "standard_deviation": "auc_deviation"}
    tables = (
        published("tgn_table_3", dataset=dataset),
        published("dyglib_node_classification", dataset=dataset),
        published("tgl_table_6", dataset=dataset, metric="ap"),
    )
    table = pd.concat([part.rename(columns=named) for part in tables], ignore_index=True)
    rows: Any = table.to_dict("records")
    return [
        {
            "origin": "published",
            "network": paper_network(row["model"]),
            "by": short_source(row["source"]),
            "label": f"{row['model']}, {short_source(row['source'])}",
            **{name: row[name] for name in ("auc", "auc_deviation", "balanced_ap", "source")},
        }
        for row in rows
    ]


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    text = style.conditions(records) + ACCURACIES
    return draw_table(HEADER, rows_of(by_network(table), "network", _cells), text)


def _cells(row: dict[str, Any]) -> list[str]:
    values = [cell(row, name, ".2f") for name in ("auc", "ap", "balanced_ap")]
    return [row["by"], *values, cell(row, "num_runs", ".0f")]


def claims(records: list[Record]) -> list[Claim]:
    """Which network tells states best, and how well."""
    found = []
    for (dataset, _), group in by_question(select(records)).items():
        table = together(group)
        metric = f"test AUC (%) on {dataset}"
        where = f"{dataset} without edge features, {seeds(group)}"
        found += ranking(table, "auc", TGN, metric, where)
        found += level(table, "auc", TGN, metric, where, BANDS)
    return found
