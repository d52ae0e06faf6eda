"""What Figure 11 claims: iterations that trainers in parallel save, and what they cost."""

from math import isfinite

import pandas as pd

from paper_figures.claim import Claim, Verdict
from paper_figures.claim_text import factor
from paper_figures.run_sets import SINGLE
from paper_figures.speedups import Runs, speedups
from paper_figures.verdicts import of_loss, of_ratio

METRIC, TEST_METRIC = "validation_f1_micro", "test_f1_micro"
LEVEL = 0.95  # of the best validation F1-micro of a single trainer, one of speedups.FRACTIONS
LARGEST = "8x1x4"


def savings(ours: Runs, paper: Runs, conditions: str, command: str) -> list[Claim]:
    """Iterations saved by a global batch of eight trainers, then by four copies of memory.

    Not reaching the level says nothing where training ended too early.
    """
    told = {
        (SINGLE, "8x1x1"): "Eight trainers of one global batch need fewer iterations than one",
        ("8x1x1", LARGEST): "Four copies of node memory need fewer iterations than one",
    }
    goal = f" to {LEVEL:.0%} of a single trainer's best F1-micro"
    claims = []
    for (few, many), statement in told.items():
        here, there = iterations_to_level(ours), iterations_to_level(paper)
        if {few, many} <= here.keys():
            if isfinite(here[many]) or not _cut_short(ours[many]):
                verdict = of_ratio(here[few] / here[many], there[few] / there[many])
            else:
                verdict = Verdict.INCOMPARABLE
            texts = (_saving(there, few, many), _saving(here, few, many))
            claims.append(Claim(statement + goal, *texts, conditions, verdict, command))
    return claims


def _cut_short(runs: list[pd.DataFrame]) -> bool:
    """Whether some run was still getting better when it ended."""
    return any(run[METRIC].idxmax() == run[METRIC].last_valid_index() for run in runs)


def iterations_to_level(runs: Runs) -> dict[str, float]:
    """First iteration at ``LEVEL``, by i x j x k; infinite if never, empty without 1x1x1."""
    if SINGLE not in runs:
        return {}
    table = speedups(runs, METRIC)
    table = table[table["fraction"] == LEVEL]
    return dict(zip(table["parallelism"], table["iterations"], strict=True))


def _saving(iterations: dict[str, float], few: str, many: str) -> str:
    texts = [
        f"{name}: {iterations[name]:,.0f}" if isfinite(iterations[name]) else f"{name}: not reached"
        for name in (few, many)
    ]
    return ", ".join(texts) + factor(iterations[few] / iterations[many])


def accuracy(ours: pd.DataFrame, paper: pd.DataFrame, conditions: str, command: str) -> list[Claim]:
    """Test F1-micro of the layouts that both sides have, beside that of a single trainer."""
    here, there = (
        table.dropna(subset=TEST_METRIC).groupby("parallelism")[TEST_METRIC].first().astype(float)
        for table in (ours, paper)
    )
    compared = [name for name in there.index if name in here.index]
    if SINGLE not in compared or len(compared) < 2:
        return []
    here, there = here[compared], there[compared]
    verdict = of_loss(here[SINGLE] - here.min(), there[SINGLE] - there.min())
    return [
        Claim(
            "Trainers in parallel do not lose test F1-micro against a single one",
            _values(there),
            _values(here),
            conditions,
            verdict,
            command,
        )
    ]


def _values(values: "pd.Series[float]") -> str:
    return ", ".join(f"{name}: {value:.4f}" for name, value in values.items())
