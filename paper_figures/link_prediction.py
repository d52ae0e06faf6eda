"""TGL Table 5, TGN Table 2, DyGLib Table 1: networks beside each other on link prediction."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style, verdicts
from paper_figures.claim import Claim
from paper_figures.claim_text import seeds
from paper_figures.network_claims import level, ranking
from paper_figures.networks import by_network, network_of
from paper_figures.published import published
from paper_figures.published_links import CODE_OF, published_links
from paper_figures.records import Record
from paper_figures.run_sets import on_whole_stream
from paper_figures.series import Series, by_question, make_series
from paper_figures.spread import ACCURACIES, COSTS, cell, mean_columns, median_columns
from paper_figures.table_picture import draw_table, rows_of

NUMBER = "TGL Table 5"
SHOWS = "accuracy, seconds and memory of networks (TGL Table 5, TGN Table 2, DyGLib Table 1)"
COMMAND = "python -m benchmark.run suite=variants dataset=wikipedia protocol=tgn"
DIFFERS = (
    "The copy of the data has no edge features, runs are shorter than the papers', and seconds are "
    "of CPU cores in place of a GPU. AP is pooled over all events, where TGL averages it over "
    "batches."
)
SUITE = "variants"
TGN = "TGN-attn"  # in all of these tables the best of the networks that are built here
RANKED = ("tgn", "tgl")  # protocols under which one paper reports all networks
LEVEL_PROTOCOL = "tgn"  # TGL averages its AP over batches
BANDS = (1.0, 3.0)  # points of AP from the published one: reproduced, partly
SPEED_PROTOCOL = "tgl"
HEADER = ("network", "by", "test {}", "of new nodes", "seeds", "s per pass", "peak GiB")


def select(records: list[Record]) -> list[Record]:
    """Link prediction of the suite that compares networks, on whole streams as they are."""
    return [
        record
        for record in records
        if record.suite == SUITE and record.task == "link_prediction" and on_whole_stream(record)
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table for each data set and protocol; returns the files written."""
    return style.save_each(by_question(select(records)), _drawn, out, "link_prediction")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table = together(records)
    return _figure(table, records), table


def together(records: list[Record]) -> pd.DataFrame:
    """Measured and published rows of one data set and protocol, in the order drawn."""
    rows = [_measured(series) for series in make_series(records)]
    rows += published_links(records[0].dataset, records[0].protocol)
    return pd.concat(by_network(pd.DataFrame(rows)), ignore_index=True)


def _measured(series: Series) -> dict[str, Any]:
    """Accuracies in per cent, means over seeds."""
    first = series.records[0]
    network, metric = network_of(first), first.primary_metric
    return {
        "origin": "measured",
        "network": network,
        "system": series.system,
        "metric": metric,
        "by": ", ".join([series.system, *series.settings]),
        "label": f"{network}, {series.label}",
        **mean_columns("test", (r.metrics.get(f"test_{metric}") for r in series.records), 100),
        **mean_columns(
            "inductive", (r.metrics.get(f"test_inductive_{metric}") for r in series.records), 100
        ),
        "num_runs": len(series.records),
        **median_columns("seconds_per_pass", (r.seconds_per_pass for r in series.records)),
        **median_columns("peak_gib", (r.peak_gib for r in series.records)),
        "source": series.source,
    }


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    header = [title.format(f"{records[0].primary_metric.upper()} (%)") for title in HEADER]
    groups = rows_of(by_network(table), "network", _cells)
    text = f"{style.conditions(records)} {_passes(records)} passes."
    return draw_table(header, groups, text + ACCURACIES + COSTS)


def _passes(records: list[Record]) -> str:
    return " or ".join(f"{number:g}" for number in sorted({record.passes for record in records}))


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["by"],
        cell(row, "test", ".2f"),
        cell(row, "inductive", ".2f"),
        cell(row, "num_runs", ".0f"),
        cell(row, "seconds_per_pass", ".1f"),
        cell(row, "peak_gib", ".2f"),
    ]


def claims(records: list[Record]) -> list[Claim]:
    """Which network is best and how good it is, and how much faster TGL trains it."""
    found = []
    for (dataset, protocol), group in by_question(select(records)).items():
        table = together(group)
        metric = f"test {group[0].primary_metric.upper()} (%) on {dataset}"
        where = (
            f"{dataset} without edge features, protocol {protocol}, {_passes(group)} passes, "
            f"{seeds(group)}"
        )
        if protocol in RANKED:
            found += ranking(table, "test", TGN, metric, where)
        if protocol == LEVEL_PROTOCOL:
            found += level(table, "test", TGN, metric, where, BANDS)
        if protocol == SPEED_PROTOCOL:
            found += _speed(table, dataset, where)
    return found


def _speed(table: pd.DataFrame, dataset: str, where: str) -> list[Claim]:
    """How many times faster than the code of its authors TGL trains TGN."""
    timed = table[(table["origin"] == "measured") & (table["network"] == TGN)]
    slow, fast = (timed[timed["system"] == system] for system in ("tgn", "tgl"))
    paper = published("tgl_table_5", dataset=dataset, model="TGN").set_index("implementation")
    if not (len(slow) and len(fast) and set(paper.index) == set(CODE_OF)):
        return []
    seconds = [float(rows["seconds_per_pass"].iloc[0]) for rows in (slow, fast)]
    theirs = paper.loc[["baseline", "tgl"], "seconds_per_epoch"].tolist()
    factor = seconds[0] / seconds[1]
    their_factor = float(paper["speedup_over_baseline"]["tgl"])
    return [
        Claim(
            statement="TGL trains TGN faster than the code of TGN's authors",
            published=f"{theirs[0]:.3g} by {theirs[1]:.3g} s a pass, {their_factor:.3g}x",
            measured=f"{seconds[0]:.3g} by {seconds[1]:.3g} s a pass, {factor:.3g}x",
            conditions=f"{where}; TGN is PyG's example, on CPU cores",
            verdict=verdicts.of_ratio(factor, their_factor),
            command=fast["source"].iloc[0],
        )
    ]
