"""TGL Figure 7 and Table 7: mini-batch parallelism over one synchronous node memory."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style
from paper_figures.claim import Claim
from paper_figures.networks import short_source
from paper_figures.published import published
from paper_figures.records import Record, commands
from paper_figures.run_sets import alike, by_parallelism, on_whole_stream, ran_apart
from paper_figures.series import by_question
from paper_figures.spread import ACCURACIES, COSTS, cell, mean_columns, median_columns
from paper_figures.table_picture import draw_table, rows_of
from paper_figures.verdicts import of_speedup

NUMBER = "TGL Figure 7"
SHOWS = "TGL on several trainers: seconds, speed-up, accuracy (TGL Figure 7 and Table 7)"
COMMAND = "python -m benchmark.run suite=scaling dataset=wikipedia system=tgl seeds=5"
DIFFERS = (
    "GDELT and MAG are not at hand, and a trainer has a CPU core in place of a GPU: seconds and "
    "accuracy compare with none of TGL's own, the speed-up does, best with the one that DistTGL "
    "measured of TGL on Wikipedia. Table 7 does not say how many GPUs it is of."
)
HEADER = (
    "data set", "by", "trainers", "s per pass", "thousand\nevents/s", "speed-up", "test (%)",
    "seeds",
)  # fmt: skip
SYSTEM, SUITE = "tgl", "scaling"
VARYING = ("processes",)  # beside parallelism and seed
SINGLE = "1x1x1"
PER_GPU = "thousand_events_per_second_per_gpu"
TGN = "TGN"  # of TGL's networks the one that is trained here
CLAIMED = 2  # trainers


def select(records: list[Record]) -> list[Record]:
    """Of each data set and protocol, runs of TGL that differ only in trainers and seed.

    Of several such sets the one with most trainers, then most passes. Trainers that shared a
    core are left out.
    """
    timed = [
        record
        for record in records
        if record.suite == SUITE
        and record.system == SYSTEM
        and record.task == "link_prediction"
        and record.throughput
        and ran_apart(record)
        and on_whole_stream(record)
    ]
    sets = [alike(group, VARYING) for group in by_question(timed).values()]
    return [record for of_question in sets for record in max(of_question, key=_rank)]


def _rank(records: list[Record]) -> tuple[float, ...]:
    return len({record.parallelism for record in records}), records[0].passes, len(records)


def draw(records: list[Record], out: Path) -> list[Path]:
    """One table for each data set and protocol; returns the files written."""
    return style.save_each(by_question(select(records)), _drawn, out, "tgl_scaling")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table = together(records)
    return _figure(table, records), table


def together(records: list[Record]) -> pd.DataFrame:
    """Measured rows of one data set, what DistTGL reports of TGL on it, and TGL's own of GDELT."""
    dataset = records[0].dataset
    return pd.DataFrame([*measured(records), *reported_by_disttgl(dataset), *reported_by_tgl()])


def measured(records: list[Record]) -> list[dict[str, Any]]:
    """Over seeds; speed-ups over one trainer by seed, accuracy in per cent."""
    groups = by_parallelism(records)
    single = {record.seed: record for record in groups.get(SINGLE, [])}
    return [_measured(group, single) for group in groups.values()]


def _measured(records: list[Record], single: dict[int, Record]) -> dict[str, Any]:
    first = records[0]
    test = f"test_{first.primary_metric}"
    speedups = (_rate(r) / _rate(single[r.seed]) for r in records if r.seed in single)
    return {
        "origin": "measured",
        "dataset": first.dataset,
        "by": "measured",
        "label": f"tgl {first.parallelism}",
        "trainers": first.num_trainers,
        **median_columns("seconds", (record.seconds_per_pass for record in records)),
        **median_columns("rate", map(_rate, records)),
        **median_columns("speedup", speedups),
        "metric": first.primary_metric,
        **mean_columns("test", (record.metrics.get(test) for record in records), 100),
        "num_runs": len(records),
        "source": commands(records),
    }


def _rate(record: Record) -> float:
    """Thousand events in a second."""
    return (record.throughput or 0) / 1000


def reported_by_disttgl(dataset: str) -> list[dict[str, Any]]:
    """TGL's throughput in Figure 12(b) of DistTGL, and the speed-ups that it makes."""
    table = published("figure_12b", dataset=dataset, system=SYSTEM)
    rows: Any = table.to_dict("records")
    rates = {row["num_gpus"]: row["num_gpus"] * row[PER_GPU] for row in rows}
    return [
        _published(row, row["num_gpus"], rate=rate, speedup=rate / rates[1])
        for row, rate in zip(rows, rates.values(), strict=True)
    ]


def reported_by_tgl() -> list[dict[str, Any]]:
    """TGN on GDELT: speed-ups of Figure 7, and Table 7 on an unstated number of GPUs."""
    figure: Any = published("tgl_figure_7", model=TGN).to_dict("records")
    table: Any = published("tgl_table_7", dataset="gdelt", model=TGN).to_dict("records")
    return [
        *(_published(row, row["num_gpus"], speedup=1 / row["normalised_time"]) for row in figure),
        *(
            _published(
                row, None, seconds=row["seconds_per_epoch"], test=row["ap_percent"], metric="ap"
            )
            for row in table
        ),
    ]


def _published(row: dict[str, Any], trainers: int | None, **values: Any) -> dict[str, Any]:
    on = "" if trainers is None else f", {trainers} GPUs"
    return {
        "origin": "published",
        "dataset": row["dataset"],
        "by": short_source(row["source"]),
        "label": f"{short_source(row['source'])}{on}",
        "trainers": trainers,
        **values,
        "source": row["source"],
    }


def _figure(table: pd.DataFrame, records: list[Record]) -> Figure:
    groups = rows_of((g for _, g in table.groupby("dataset", sort=False)), "dataset", _cells)
    return draw_table(HEADER, groups, style.conditions(records) + ACCURACIES + COSTS)


def _cells(row: dict[str, Any]) -> list[str]:
    metric = f" {row['metric'].upper()}" if pd.notna(row["test"]) else ""
    return [
        row["by"],
        cell(row, "trainers", ".0f"),
        cell(row, "seconds", ".1f"),
        cell(row, "rate", ".1f"),
        cell(row, "speedup", ".2f"),
        cell(row, "test", ".2f") + metric,
        cell(row, "num_runs", ".0f"),
    ]


def claims(records: list[Record]) -> list[Claim]:
    """What two trainers of TGL gain, where DistTGL reports it too."""
    found = []
    for (dataset, _), group in by_question(select(records)).items():
        ours, theirs = (
            {row["trainers"]: row for row in rows}
            for rows in (measured(group), reported_by_disttgl(dataset))
        )
        if CLAIMED in ours and CLAIMED in theirs and ours[CLAIMED]["speedup"]:
            found.append(_claim(ours[CLAIMED], theirs[CLAIMED]))
    return found


def _claim(ours: dict[str, Any], theirs: dict[str, Any]) -> Claim:
    on_gdelt = published("tgl_figure_7", model=TGN, num_gpus=CLAIMED)["normalised_time"]
    return Claim(
        statement=f"speed-up of TGL on {CLAIMED} trainers",
        published=f"{theirs['speedup']:.2f} ({theirs['by']}), "
        f"{1 / on_gdelt.iloc[0]:.2f} on GDELT (TGL Figure 7)",
        measured=cell(ours, "speedup", ".2f"),
        conditions=f"{ours['dataset']}, seeds: {ours['num_runs']}, a CPU core per trainer, against "
        "DistTGL's number",
        verdict=of_speedup(ours["speedup"], theirs["speedup"]),
        command=ours["source"],
    )
