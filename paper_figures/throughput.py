"""Figure 12: training throughput in total over trainers, and per trainer beside the published."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from paper_figures import style, throughput_claims
from paper_figures.claim import Claim
from paper_figures.records import Record
from paper_figures.run_sets import ran_apart
from paper_figures.series import by_question
from paper_figures.throughput_bars import draw_bars
from paper_figures.throughput_table import measured, projected, published_bars

NUMBER = "Figure 12"
SHOWS = "training throughput by system and i x j x k (Figure 12)"
COMMAND = "python -m benchmark.run suite=scaling"
DIFFERS = (
    "CPU cores in place of NVIDIA T4 GPUs, and no edge features: ratios between systems "
    "compare, events per second do not. What needs more cores than there are is projected."
)
# Suites that measure throughput of link prediction, the one that takes the most care first.
SUITES = ("scaling", "time_to_accuracy", "quick")


def select(records: list[Record]) -> list[Record]:
    """Runs whose trainers each had their own device or core; emulated ones have no throughput."""
    return [r for r in records if r.suite in SUITES and r.throughput and ran_apart(r)]


def draw(records: list[Record], out: Path) -> list[Path]:
    """One figure for each data set and protocol; returns the files written."""
    return style.save_each(_questions(records), _drawn, out, "throughput")


def _drawn(records: list[Record]) -> tuple[Figure, pd.DataFrame]:
    ours = measured(records)
    table = pd.concat([ours, projected(ours)], ignore_index=True)
    paper = published_bars(records[0].dataset, table)
    figure = draw_bars(table, paper, style.conditions(records))
    return figure, pd.concat([table, paper])


def claims(records: list[Record]) -> list[Claim]:
    """Two trainers by one, and DistTGL by the other systems, where the paper has numbers."""
    return [c for group in _questions(records).values() for c in throughput_claims.claims(group)]


def _questions(records: list[Record]) -> dict[tuple[str, str], list[Record]]:
    """By data set and protocol the records of the first of ``SUITES`` that has any."""
    chosen = {}
    for question, group in by_question(select(records)).items():
        suite = min((record.suite for record in group), key=SUITES.index)
        chosen[question] = [record for record in group if record.suite == suite]
    return chosen
