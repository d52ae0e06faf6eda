"""Figure 12(b), one device: DistTGL beside other implementations on the same stream and machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from paper_figures import style, verdicts
from paper_figures.claim import Claim
from paper_figures.published import published
from paper_figures.records import Record
from paper_figures.series import by_question, make_series

NUMBER = "Figure 12(b), one device"
SHOWS = "training throughput of one trainer by that of TGN, and by the floor of its products"
COMMAND = "python -m benchmark.run suite=peers"
DIFFERS = (
    "CPU cores in place of an NVIDIA T4, and PyTorch Geometric's TGN in place of the authors' own "
    "code, which is slower. Edge features are random, as the copy of the data has none."
)
TASK = "link_speed"
BASELINE, OURS = "tgn", "disttgl"
PAPER_BATCH_SIZE = 600  # events of one trainer, for every system of Figure 12
RATIO, SHARE = "times_tgn", "share_of_floor"
# Settings that may differ between systems that are compared; dotted names begin with them.
OF_SYSTEM = {"system", "model", "choices", "parallelism", "processes", "seed"}


def select(records: list[Record]) -> list[Record]:
    """One trainer's speed, of whose process nothing but training and validation is asked."""
    return [
        record
        for record in records
        if record.task == TASK and record.throughput and record.num_trainers == 1
    ]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set and protocol; returns the files written."""
    return style.save_each(by_question(select(records)), _drawn, out, "peers")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    table, ratio = measured(records), published_ratio(records[0].dataset)
    return _figure(table, ratio, records), pd.concat([table, _published_rows(ratio, table)])


def claims(records: list[Record]) -> list[Claim]:
    """DistTGL by TGN, one for each case of the batch size and on the data set of the paper."""
    rows = []
    for (dataset, _), group in by_question(select(records)).items():
        table, ratio = measured(group), published_ratio(dataset)
        ours = table[(table["system"] == OURS) & table[RATIO].notna()]
        ours = ours[ours["batch_size"] == PAPER_BATCH_SIZE]
        for label, part in ours.groupby("case", sort=False):
            if ratio is not None:
                rows.append(_claim(dataset, str(label), part, ratio))
    return rows


def measured(records: list[Record]) -> pd.DataFrame:
    """A row for each run: events per second, by those of TGN in the same repeat, by the floor.

    A repeat is a seed: systems take turns within it. The floor is the operation count of the run's
    mean batch at the largest rate of products among the repeats, as disturbed ones are slower.
    """
    cases: dict[str, list[Record]] = {}
    for record in records:
        cases.setdefault(repr(sorted(_case(record).items())), []).append(record)
    differing = _differing([_case(group[0]) for group in cases.values()])
    rows = [
        {"case": _label(group[0], differing), **row}
        for group in cases.values()
        for row in _rows(group)
    ]
    table = pd.DataFrame(rows).sort_values(["case", "system", "label", "seed"])
    largest_first = ["batch_size", "random_edge_features"]
    return table.sort_values(largest_first, ascending=False, kind="stable", ignore_index=True)


def _case(record: Record) -> dict[str, Any]:
    """What every system of one comparison shares."""
    shared = {k: v for k, v in record.settings.items() if k.split(".")[0] not in OF_SYSTEM}
    return shared | {"batch_size": record.batch_size, "hardware": record.hardware}


def _differing(cases: list[dict[str, Any]]) -> list[str]:
    names = {name for case in cases for name in case} - {"batch_size", "random_edge_features"}
    return sorted(n for n in names if any(case.get(n) != cases[0].get(n) for case in cases))


def _label(record: Record, differing: list[str]) -> str:
    features = record.settings.get("random_edge_features")
    case = _case(record)
    parts = [f"batch {record.batch_size}"]
    parts.append(f"{features} random edge features" if features else "no edge features")
    return ", ".join(parts + [f"{name}={case.get(name)}" for name in differing])


def _rows(records: list[Record]) -> Iterator[dict[str, Any]]:
    """The runs of one case."""
    baseline = {record.seed: record for record in records if record.system == BASELINE}
    for series in make_series(records):
        floors = {record.folder: _floor(record) for record in series.records}
        fastest = max(
            (floor["gflop_per_second"] for floor in floors.values() if floor), default=None
        )
        for record in series.records:
            assert record.throughput
            other, floor = baseline.get(record.seed), floors[record.folder]
            reachable = (
                floor["events_per_second"] * fastest / floor["gflop_per_second"]
                if floor and fastest
                else None
            )
            yield {
                "batch_size": record.batch_size,
                "random_edge_features": record.settings.get("random_edge_features") or 0,
                "system": record.system,
                "label": series.label,
                "seed": record.seed,
                "events_per_second": record.throughput,
                RATIO: record.throughput / other.throughput if other and other.throughput else None,
                SHARE: record.throughput / reachable if reachable else None,
                "origin": "measured",
                "source": record.command,
            }


def _floor(record: Record) -> dict[str, float] | None:
    """What the run measured of its own products; None where the model is not counted."""
    result = json.loads((record.folder / "result.json").read_text(encoding="utf-8"))
    floor: dict[str, float] | None = result.get("operation_floor")
    return floor


def published_ratio(dataset: str) -> float | None:
    """Events per second of DistTGL by TGN's, one GPU each; None where the paper has none."""
    bars = published("figure_12b", dataset=dataset, parallelism="1x1x1").set_index("system")
    rates = bars["thousand_events_per_second_per_gpu"]
    if not {OURS, BASELINE} <= set(rates.dropna().index):
        return None
    return float(rates[OURS] / rates[BASELINE])


def _published_rows(ratio: float | None, table: pd.DataFrame) -> pd.DataFrame:
    sizes = table.loc[table["batch_size"] == PAPER_BATCH_SIZE, "case"].unique()
    if ratio is None or not len(sizes):
        return pd.DataFrame(columns=table.columns)
    rows = {
        "case": sizes,
        "batch_size": PAPER_BATCH_SIZE,
        "system": OURS,
        "label": "disttgl 1x1x1",
        RATIO: ratio,
        "origin": "published",
        "source": "DistTGL Figure 12(b) (printed)",
    }
    return pd.DataFrame(rows)


def _claim(dataset: str, case: str, runs: pd.DataFrame, ratio: float) -> Claim:
    ratios = list(runs[RATIO])
    text = f"{median(ratios):.1f}"
    if len(ratios) > 1:
        text += f" [{min(ratios):.1f}, {max(ratios):.1f}] over {len(ratios)} repeats"
    return Claim(
        statement=f"events/s of DistTGL 1x1x1 by those of TGN, {case}",
        published=f"{ratio:.1f} on a GPU",
        measured=text,
        conditions=f"{dataset}, {case}, TGN is PyG's",
        verdict=verdicts.of_ratio(median(ratios), ratio),
        command=", ".join(runs["source"].unique()),
    )


def _figure(table: pd.DataFrame, ratio: float | None, records: list[Record]) -> Figure:
    cases = list(dict.fromkeys(table["case"]))
    height = 0.8 + 0.32 * len(cases)
    figure, panels = plt.subplots(1, 2, figsize=(style.PAGE, height), sharey=True)
    for axes, value in zip(panels, (RATIO, SHARE), strict=True):
        _dots(axes, table[table[value].notna() & (table["system"] != BASELINE)], value, cases)
    panels[0].axvline(1, color=style.color_of(BASELINE))
    panels[0].set_yticks(range(len(cases)), cases)
    panels[0].set_ylim(len(cases) - 0.5, -0.5)
    panels[0].set_xlabel("training events per second, by those of TGN")
    panels[1].set_xlabel("share of the floor that dense products set")
    handles = [
        Line2D([], [], color=style.color_of(name), marker="o", lw=0, label=name)
        for name in dict.fromkeys(table["system"])
    ]
    if ratio is not None:
        paper_cases = [n for n, case in enumerate(cases) if _is_papers(table, case)]
        for place in paper_cases:
            color, dashes = style.color_of(OURS), style.PUBLISHED_DASHES
            panels[0].vlines(ratio, place - 0.4, place + 0.4, color=color, ls=dashes, lw=1)
        handles += [style.published_handle()] if paper_cases else []
    for axes in panels:
        axes.set_xlim(left=0)
    style.write_below(figure, _small_print(records, ratio), handles)
    return figure


def _is_papers(table: pd.DataFrame, case: str) -> bool:
    return bool((table.loc[table["case"] == case, "batch_size"] == PAPER_BATCH_SIZE).all())


def _dots(axes: Axes, table: pd.DataFrame, value: str, cases: list[str]) -> None:
    """A dot for each repeat and a line at their median."""
    for (case, _), runs in table.groupby(["case", "label"], sort=False):
        color = style.color_of(runs["system"].iloc[0])
        place = cases.index(str(case))
        axes.plot(runs[value], [place] * len(runs), "o", color=color, alpha=0.6, ms=4)
        middle = runs[value].median()
        axes.vlines(middle, place - 0.22, place + 0.22, color=color, lw=1.6)
        axes.annotate(
            f"{middle:.2f}",
            (middle, place),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=6.5,
        )
    axes.grid(axis="y", visible=False)


def _small_print(records: list[Record], ratio: float | None) -> str:
    text = (
        f"{style.conditions(records)} Dot: a repeat; line: their median. The floor is the time of"
        " the products of a mean batch alone."
    )
    if ratio is not None:
        text += f" Dashed: DistTGL Figure 12(b), one NVIDIA T4, batch {PAPER_BATCH_SIZE}."
    return text
