"""TGL Table 4 and Figure 4(a): seconds of neighbour sampling for one pass, by threads."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style, verdicts
from paper_figures.claim import Claim, Verdict
from paper_figures.published import published
from paper_figures.records import SAMPLING_TASK, Record
from paper_figures.run_sets import on_whole_stream
from paper_figures.series import by_dataset
from paper_figures.spread import COSTS, cell, median_columns
from paper_figures.table_picture import draw_table, rows_of

NUMBER = "TGL Table 4"
SHOWS = "seconds of neighbour sampling for one pass (TGL Table 4 and Figure 4(a))"
COMMAND = "python -m benchmark.run suite=sampling_speed"
DIFFERS = (
    "The compiled loops of this sampler run on one thread; a second one serves the operations of "
    "torch around them. Uniform neighbours are distinct here. The machine is another, and TGL "
    "prints .46 s for TGN on 8 threads, where its Figure 4(a) implies .046 s."
)
SETTINGS = (
    "task.num_layers", "task.strategy", "task.num_snapshots", "task.num_neighbors", "batch_size",
)  # fmt: skip
LAYOUTS = {  # values of SETTINGS with which TGL samples for a network
    "TGN": (1, "recent", 1, 10, 600),
    "TGAT": (2, "uniform", 1, 10, 600),
    "DySAT": (2, "uniform", 3, 10, 600),
}
DESCRIBED = {
    "TGN": "TGN: 1 layer, most recent",
    "TGAT": "TGAT: 2 layers, uniform",
    "DySAT": "DySAT: as TGAT, in 3 snapshots",
}
HEADER = ("layout", "by", "threads", "s per pass", "speed-up", "seeds")
ONE, TWO = 1, 2  # threads


def select(records: list[Record]) -> list[Record]:
    """Sampling in a layout of TGL's for all training events of a data set."""
    return [
        record
        for record in records
        if record.task == SAMPLING_TASK and _layout(record) and on_whole_stream(record)
    ]


def _layout(record: Record) -> str | None:
    settings = tuple(record.settings.get(name) for name in SETTINGS)
    return next((name for name, layout in LAYOUTS.items() if layout == settings), None)


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table for each data set; returns the files written."""
    return style.save_each(by_dataset(select(records)), _drawn, out, "sampling_speed")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table = together(records)
    return _figure(table, records), table


def together(records: list[Record]) -> pd.DataFrame:
    """Measured and published rows of one data set by layout and threads, in the order drawn."""
    rows = measured(records) + published_rows(records[0].dataset)
    order = list(LAYOUTS)
    rows.sort(key=lambda row: (order.index(row["layout"]), row["origin"], row["threads"]))
    return pd.DataFrame(rows)


def measured(records: list[Record]) -> list[dict[str, Any]]:
    """Seconds of a pass, the median over seeds, and speed-ups over one thread, by seed."""
    groups: dict[tuple[Any, ...], dict[int, Record]] = defaultdict(dict)
    for record in records:
        key = (_layout(record), record.hardware, record.settings.get("threads"))
        groups[key][record.seed] = record
    rows = []
    for (layout, machine, threads), of_seed in groups.items():
        single = groups.get((layout, machine, ONE), {})
        speedups = (_seconds(single[s]) / _seconds(of_seed[s]) for s in of_seed if s in single)
        rows.append(
            {
                "origin": "measured",
                "layout": layout,
                "by": "measured",
                "label": f"{layout}, {threads} threads",
                "threads": threads,
                **median_columns("seconds", map(_seconds, of_seed.values())),
                **median_columns("speedup", speedups),
                "num_runs": len(of_seed),
                "source": next(iter(of_seed.values())).command,
            }
        )
    return rows


def _seconds(record: Record) -> float:
    return record.seconds["sample"]


def published_rows(dataset: str) -> list[dict[str, Any]]:
    """Seconds of TGL's Table 4, and the speed-ups over one thread of its Figure 4(a)."""
    keys = ["dataset", "model", "num_threads"]
    seconds = published("tgl_table_4", dataset=dataset)[[*keys, "sampling_seconds_per_epoch"]]
    table = published("tgl_figure_4", dataset=dataset).merge(seconds, on=keys, how="outer")
    rows: Any = table.to_dict("records")
    return [
        {
            "origin": "published",
            "layout": row["model"],
            "by": "TGL",
            "label": f"TGL, {row['model']}, {row['num_threads']} threads",
            "threads": row["num_threads"],
            "seconds": row["sampling_seconds_per_epoch"],
            "speedup": row["speedup"],
            "source": "TGL Table 4 (printed), Figure 4(a) (digitised)",
        }
        for row in rows
    ]


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    named = table.assign(heading=table["layout"].map(DESCRIBED))
    groups = rows_of((g for _, g in named.groupby("layout", sort=False)), "heading", _cells)
    return draw_table(HEADER, groups, style.conditions(records) + COSTS)


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        row["by"],
        f"{row['threads']:.0f}",
        cell(row, "seconds", ".3f"),
        cell(row, "speedup", ".2f"),
        cell(row, "num_runs", ".0f"),
    ]


def claims(records: list[Record]) -> list[Claim]:
    """How long the layouts of TGN and TGAT take on one thread, and what a second one gives TGN."""
    chosen = [record for record in select(records) if record.dataset == "wikipedia"]
    if not chosen:
        return []
    rows: Any = together(chosen).to_dict("records")
    found = {(row["layout"], row["threads"], row["origin"]): row for row in rows}
    pairs = {
        (layout, threads): (ours, found[layout, threads, "published"])
        for (layout, threads, origin), ours in found.items()
        if origin == "measured" and (layout, threads, "published") in found
    }
    timed = [_seconds_claim(*pairs[name, ONE]) for name in ("TGN", "TGAT") if (name, ONE) in pairs]
    return timed + [_threads_claim(*pair) for key, pair in pairs.items() if key == ("TGN", TWO)]


def _seconds_claim(ours: dict[str, Any], theirs: dict[str, Any]) -> Claim:
    """Partly up to ``verdicts.FACTOR`` times as long: of another machine no time says more."""
    fast = ours["seconds"] <= verdicts.FACTOR * theirs["seconds"]
    return Claim(
        statement=f"one pass of sampling for {ours['layout']} on one thread",
        published=f"{cell(theirs, 'seconds', '.3f')} s",
        measured=f"{cell(ours, 'seconds', '.3f')} s",
        conditions=f"wikipedia, seeds: {ours['num_runs']:.0f}, another machine",
        verdict=Verdict.PARTLY if fast else Verdict.INCOMPARABLE,
        command=ours["source"],
    )


def _threads_claim(ours: dict[str, Any], theirs: dict[str, Any]) -> Claim:
    return Claim(
        statement=f"speed-up of sampling for {ours['layout']} on two threads",
        published=cell(theirs, "speedup", ".2f"),
        measured=cell(ours, "speedup", ".2f"),
        conditions=f"wikipedia, seeds: {ours['num_runs']:.0f}; the loops here run on one thread",
        verdict=verdicts.of_speedup(ours["speedup"], theirs["speedup"]),
        command=ours["source"],
    )
