"""What Figure 2(a) claims: how far the global batch can grow, and what happens beyond."""

import pandas as pd

from paper_figures.claim import Claim, Verdict
from paper_figures.verdicts import of_ratio

METRIC, SIZE = "test_f1_micro", "global_batch_size"
TOLERANCE = 0.03  # part of the smallest batch's F1 that a larger one may lose; GDELT's noise


def free_growth(ours: pd.DataFrame, paper: pd.DataFrame, conditions: str, command: str) -> Claim:
    """By how many times the smallest batch can grow; more than the paper's is as good."""
    here, there = growth_without_loss(ours), growth_without_loss(paper)
    return Claim(
        f"The global batch can grow without losing more than {TOLERANCE:.0%} of the F1-micro",
        _growth(paper),
        _growth(ours),
        conditions,
        of_ratio(min(here, there), there),
        command,
    )


def fall(ours: pd.DataFrame, paper: pd.DataFrame, conditions: str, command: str) -> Claim:
    """Reproduced at half the published loss; a sweep shorter than GDELT's flat part shows none."""
    lost = loss(ours)
    if lost >= loss(paper) / 2:
        verdict = Verdict.REPRODUCED
    elif lost > TOLERANCE:
        verdict = Verdict.PARTLY
    elif ours[SIZE].max() / ours[SIZE].min() <= growth_without_loss(paper):
        verdict = Verdict.INCOMPARABLE
    else:
        verdict = Verdict.CONTRADICTED
    return Claim(
        "Very large global batches lose accuracy",
        _loss(paper),
        _loss(ours),
        conditions,
        verdict,
        command,
    )


def growth_without_loss(table: pd.DataFrame) -> float:
    """How many times the smallest batch the largest is before F1 has fallen by ``TOLERANCE``."""
    points = table.sort_values(SIZE)
    enough = points[METRIC] >= (1 - TOLERANCE) * points[METRIC].iloc[0]
    return float(points.loc[enough.cummin(), SIZE].iloc[-1] / points[SIZE].iloc[0])


def loss(table: pd.DataFrame) -> float:
    """Part of the smallest batch's F1 that the largest one loses."""
    values = table.sort_values(SIZE)[METRIC]
    return float(1 - values.iloc[-1] / values.iloc[0])


def _growth(table: pd.DataFrame) -> str:
    growth, smallest = growth_without_loss(table), table[SIZE].min()
    return f"{growth:g}x, from {smallest:,} to {growth * smallest:,.0f} events"


def _loss(table: pd.DataFrame) -> str:
    values = table.sort_values(SIZE)
    parts = [f"F1 {row[METRIC]:.4f} at {row[SIZE]:,}" for _, row in values.iloc[[0, -1]].iterrows()]
    return f"{', '.join(parts)} events ({-loss(table):+.1%})"
