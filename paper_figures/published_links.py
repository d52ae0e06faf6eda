"""What papers report of networks on link prediction, by the protocol whose negatives are theirs."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from paper_figures.networks import paper_network, short_source
from paper_figures.published import published

STATED_METRICS = {"tgn": "ap", "tgl": "ap", "disttgl": "mrr"}  # by protocol
CODE_OF = {"baseline": "authors' code", "tgl": "TGL's code"}  # in TGL's table
VALUES = ("test", "test_deviation", "inductive", "inductive_deviation", "seconds_per_pass")

Row = dict[str, Any]


def published_links(dataset: str, protocol: str) -> list[Row]:
    """Rows with ``test`` and ``inductive`` in per cent, their ``_deviation``, seconds per pass."""
    rows = PAPERS[protocol](dataset) if protocol in PAPERS else []
    return [_named(row) | {"metric": STATED_METRICS[protocol]} for row in rows]


def _named(row: Row) -> Row:
    by = row.get("by") or short_source(row["source"])
    return {
        "origin": "published",
        "network": paper_network(row["model"]),
        "by": by,
        "label": f"{row['model']}, {by}",
        **{name: row.get(name) for name in VALUES},
        "source": row["source"],
    }


def _of_tgn(dataset: str) -> list[Row]:
    """TGN Table 2, and DyGLib's setting, whose random negatives are of the same kind."""
    deviations = {"test": "test_deviation", "inductive": "inductive_deviation"}
    tgn = published("tgn_table_2", dataset=dataset).rename(columns={"ap_percent": "value"})
    tgn["name"] = tgn["setting"].map({"transductive": "test", "inductive": "inductive"})
    rows = []
    for (model, source), part in tgn.groupby(["model", "source"], sort=False):
        values = dict(zip(part["name"], part["value"], strict=True))
        spreads = part["name"].map(deviations)
        values |= dict(zip(spreads, part["standard_deviation"], strict=True))
        rows.append({"model": model, "source": source, **values})
    chosen = {"dataset": dataset, "setting": "transductive", "metric": "ap"}
    dyglib = published("dyglib_link_prediction", **chosen)
    return rows + _rows(dyglib, test="value_percent", test_deviation="standard_deviation")


def _of_tgl(dataset: str) -> list[Row]:
    """TGL Table 5: its own training and the code of each network's authors."""
    table = published("tgl_table_5", dataset=dataset)
    table = table.sort_values("implementation", ascending=False, kind="stable")  # TGL's first
    table["by"] = table["source"] + ", " + table["implementation"].map(CODE_OF)
    return _rows(table, test="ap_percent", seconds_per_pass="seconds_per_epoch", by="by")


def _of_disttgl(dataset: str) -> list[Row]:
    """One trainer of DistTGL, and the networks that TASER runs under its protocol."""
    single = published("figure_9_test", dataset=dataset, panel="a", parallelism="1x1x1")
    single = single.assign(model="TGN-attn", percent=100 * single["test_mrr"])
    taser = published("taser_table_1", dataset=dataset)
    return _rows(single, test="percent") + _rows(
        taser, test="test_mrr_percent", test_deviation="standard_deviation"
    )


def _rows(table: pd.DataFrame, **columns: str) -> list[Row]:
    """``model``, ``source`` and the given columns of ``table`` under other names."""
    chosen = table[["model", "source", *columns.values()]]
    named = chosen.set_axis(["model", "source", *columns], axis=1)
    rows: Any = named.astype(object).where(named.notna(), None).to_dict("records")
    return list(rows)


PAPERS: dict[str, Callable[[str], list[Row]]] = {
    "tgn": _of_tgn,
    "tgl": _of_tgl,
    "disttgl": _of_disttgl,
}
