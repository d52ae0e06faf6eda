"""DistTGL Table 2 and TGL Table 3: what the data sets hold."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.claim import Claim, Verdict
from paper_figures.networks import short_source
from paper_figures.published import published
from paper_figures.records import STATISTICS_TASK, Record
from paper_figures.run_sets import on_whole_stream
from paper_figures.table_picture import HOLE, draw_table, rows_of

NUMBER = "Table 2"
SHOWS = "statistics of the data sets (DistTGL Table 2, TGL Table 3)"
COMMAND = "python -m benchmark.run suite=dataset_statistics"
DIFFERS = (
    "Wikipedia is the one data set of the papers that is at hand, without its edge features; uci, "
    "ICEWS18 and mathoverflow stand in for the others. Static node memory (100* in the paper) is "
    "an option here and no part of a data set."
)
HEADER = (
    "data set", "by", "nodes", "events", "duration", "node\nfeatures", "edge\nfeatures", "labels",
    "classes",
)  # fmt: skip
COLUMNS = (
    "num_nodes", "num_events", "duration", "node_feature_dim", "edge_feature_dim", "num_labels",
    "num_classes",
)  # fmt: skip
COMPARED = {"num_nodes": "nodes", "num_events": "events", "duration": "duration"}
SMALL_PRINT = (
    "Counted over the streams as they are loaded. Duration: from the first event to the last, in "
    "s, of icews18 in h; the papers state the last time. Labels: of nodes those other than the "
    "usual state, 0; of edges all. *: pre-trained. TGL rounds its counts."
)


def select(records: list[Record]) -> list[Record]:
    """Counts of whole data sets as they are."""
    return [r for r in records if r.task == STATISTICS_TASK and on_whole_stream(r)]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table of all data sets; returns the files written."""
    table = together(select(records))
    with plt.rc_context(style.RC):
        return style.save(_figure(table), table, out, "dataset_statistics")


def together(records: list[Record]) -> pd.DataFrame:
    """Rows of data sets that were counted, published ones below each, then of all others."""
    counted = {record.dataset: _counted(record) for record in records}
    paper = published_rows()
    here = [
        row
        for dataset in sorted(counted)
        for row in (counted[dataset], *(row for row in paper if row["dataset"] == dataset))
    ]
    elsewhere = [row for row in paper if row["dataset"] not in counted]
    return pd.DataFrame(here + sorted(elsewhere, key=lambda row: str(row["dataset"])))


def _counted(record: Record) -> dict[str, Any]:
    of_nodes, of_edges = (record.metrics[f"num_{kind}_labels"] for kind in ("node", "edge"))
    return {
        "origin": "measured",
        "dataset": record.dataset,
        "by": "counted here",
        "label": record.dataset,
        "duration": record.metrics["last_time"] - record.metrics["first_time"],
        "num_labels": of_nodes or of_edges,
        "labels_of": "nodes" if of_nodes else "edges" if of_edges else None,
        **{name: record.metrics[name] for name in COLUMNS if name in record.metrics},
        "source": record.command,
    }


def published_rows() -> list[dict[str, Any]]:
    """The two papers' tables in the same columns."""
    tables = pd.concat([published("table_2"), published("tgl_table_3")], ignore_index=True)
    rows: Any = tables.rename(columns={"max_time": "duration"}).to_dict("records")
    return [
        {
            "origin": "published",
            "dataset": row["dataset"],
            "by": short_source(row["source"]),
            "label": f"{row['dataset']}, {short_source(row['source'])}",
            **{name: row[name] for name in COLUMNS},
            "pretrained": row["node_features"] == "pre-trained",
            "source": row["source"],
        }
        for row in rows
    ]


def _figure(table: pd.DataFrame) -> Figure:
    counted = set(table.loc[table["origin"] == "measured", "dataset"])
    here = table["dataset"].isin(counted)
    groups = [part for _, part in table[here].groupby("dataset", sort=False)]
    return draw_table(HEADER, rows_of([*groups, table[~here]], "dataset", _cells), SMALL_PRINT)


def _cells(row: dict[str, Any]) -> list[str]:
    cells = {name: _count(row[name]) for name in COLUMNS}
    cells["duration"] = f"{row['duration']:.1e}".replace("e+0", "e")
    if row.get("pretrained") is True:
        cells["node_feature_dim"] += "*"
    if isinstance(row.get("labels_of"), str):
        cells["num_labels"] += f" of {row['labels_of']}"
    return [row["by"], *cells.values()]


def _count(value: float) -> str:
    return HOLE if pd.isna(value) or not value else f"{value:,.0f}"


def claims(records: list[Record]) -> list[Claim]:
    """Whether the data sets of DistTGL's table that are at hand are the paper's."""
    rows: Any = together(select(records)).to_dict("records")
    counted = {row["dataset"]: row for row in rows if row["origin"] == "measured"}
    return [
        _claim(counted[row["dataset"]], row)
        for row in rows
        if row["by"] == "DistTGL Table 2" and row["dataset"] in counted
    ]


def _claim(ours: dict[str, Any], theirs: dict[str, Any]) -> Claim:
    """Reproduced if nodes, events and duration to two digits agree, partly if some of them do."""
    counted, stated = ([_cell_of(row, name) for name in COMPARED] for row in (ours, theirs))
    same = [one == other for one, other in zip(counted, stated, strict=True)]
    some = Verdict.PARTLY if any(same) else Verdict.CONTRADICTED
    return Claim(
        statement=f"{ours['dataset']}: {', '.join(COMPARED.values())}",
        published=", ".join(stated),
        measured=", ".join(counted),
        conditions=f"{ours['edge_feature_dim']:.0f} edge features in this copy of the data, "
        f"{theirs['edge_feature_dim']:.0f} in the paper's",
        verdict=Verdict.REPRODUCED if all(same) else some,
        command=ours["source"],
    )


def _cell_of(row: dict[str, Any], name: str) -> str:
    return dict(zip(COLUMNS, _cells(row)[1:], strict=True))[name]
